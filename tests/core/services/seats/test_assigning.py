"""Seats given to teams: shared, as copies of a template, moved and withdrawn."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from core.errors import Refusal
from core.models import Enrollment, Seat, SeatAssignment
from core.services import seats
from core.services.seats.assigning import SecondSeat, people_of
from core.services.seats.changes import ProductInUse, why_kept
from core.services.teams import teams
from tests.factories import EnrollmentFactory, MembershipFactory, ProductFactory, SeatFactory, TagFactory

pytestmark = pytest.mark.django_db


def count(seat):
    return Seat.objects.get(pk=seat.pk).used_count


@pytest.fixture
def pool(accounting):
    return SeatFactory(name="Accounting pool", product=accounting, max_seats=10)


def test_a_seat_is_made_with_its_rules_and_history(accounting, root):
    tag = TagFactory()
    seat = seats.create(
        name="  Night school ",
        product=accounting,
        max_seats=5,
        expiry_type="days",
        expiry_days=0,
        tags=[tag],
        by=root,
    )

    assert (seat.name, seat.max_seats, seat.used_count) == ("Night school", 5, 0)
    assert list(seat.tags.all()) == [tag]
    assert seat.history.get().history_user == root


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"max_seats": None}, "how many places"),
        ({"max_seats": -1}, "between 0 and"),
        ({"max_seats": 10**9}, "between 0 and"),
        ({"expiry_type": "days", "expiry_days": None}, "after how many days"),
        ({"expiry_days": 10**6}, "36,500 days"),
        ({"expiry_type": "date"}, "day on which access ends"),
        ({"expiry_type": "date", "expiry_date": date(2001, 1, 1)}, "in the past"),
        ({"expiry_type": "date", "expiry_date": date(9999, 1, 1)}, "2200"),
        ({"name": " \u200b "}, "needs a name"),
        ({"name": "n" * 256}, "256 characters"),
    ],
)
def test_values_that_do_not_fit_are_refused(accounting, values, says):
    usual = {"name": "Pool", "product": accounting, "max_seats": 5, "expiry_type": "days", "expiry_days": 30}
    with pytest.raises(Refusal, match=says):
        seats.create(**usual | values)

    assert not Seat.objects.exists()


def test_editing_a_copy_or_its_template_leaves_the_other_alone(pool, acme, globex, root):
    made = seats.assign_copies(pool, [acme, globex], by=root)

    seats.update(pool, max_seats=3, reusable=True)

    copies = [Seat.objects.get(pk=one.seat_id) for one in made]
    assert [(copy.max_seats, copy.reusable, copy.source_template) for copy in copies] == [
        (10, False, pool)
    ] * 2
    assert {one.mode for one in made} == {"template"}
    assert copies[0].name == "Accounting pool (Acme)"
    assert {row.history_user for row in SeatAssignment.history.all()} == {root}


def test_a_second_seat_on_the_product_is_refused_in_every_way(pool, acme, acme_seat, globex, accounting):
    other = SeatFactory(product=accounting, teams=[globex])
    for attempt in (
        lambda: seats.assign(pool, [acme]),
        lambda: seats.assign_copies(pool, [globex, acme]),
        lambda: seats.move(SeatAssignment.objects.get(seat=other), to=acme),
    ):
        with pytest.raises(SecondSeat, match="a team has one seat per product"):
            attempt()

    assert SeatAssignment.objects.count() == 2
    assert Seat.objects.count() == 3


def test_a_shared_seat_counts_the_people_of_all_its_teams(pool, acme, ana, globex, otto, accounting):
    MembershipFactory(team=globex, user=ana)
    for person in (ana, otto):
        EnrollmentFactory(user=person, product=accounting)

    seats.assign(pool, [acme, globex])
    assert count(pool) == 2

    here = SeatAssignment.objects.get(team=globex)
    assert people_of(here) == (2, 1)
    seats.withdraw(here)
    assert count(pool) == 1
    assert Enrollment.objects.giving_access().count() == 2


def test_moving_a_seat_leaves_enrollments_and_counts_the_new_team(pool, acme, ana, globex, otto, accounting):
    EnrollmentFactory(user=ana, product=accounting)
    [given] = seats.assign(pool, [acme])
    assert count(pool) == 1

    seats.move(given, to=globex)

    assert count(pool) == 0
    assert Enrollment.objects.giving_access().filter(user=ana).exists()
    with pytest.raises(Refusal, match="Globex has this seat already"):
        seats.move(SeatAssignment.objects.get(), to=globex)


def test_places_move_to_another_team_but_not_used_ones(pool, acme, ana, globex, accounting):
    EnrollmentFactory(user=ana, product=accounting)
    [given] = seats.assign(pool, [acme])

    with pytest.raises(Refusal, match="9 unused places"):
        seats.move_places(given, 10, to=globex)
    copy = seats.move_places(given, 4, to=globex)
    again = seats.move_places(given, 5, to=globex)

    pool.refresh_from_db()
    assert copy.pk == again.pk
    assert (pool.max_seats, again.max_seats) == (1, 9)


def test_a_used_seat_keeps_its_product_and_an_unused_one_takes_its_teams_along(pool, acme, ana, accounting):
    biology = ProductFactory(name="Biology")
    seats.assign(pool, [acme])
    seats.update(pool, product=biology)
    assert SeatAssignment.objects.get().product == biology

    EnrollmentFactory(user=ana, product=biology)
    with pytest.raises(ProductInUse, match="on Biology"):
        seats.update(Seat.objects.get(), product=accounting)
    assert Seat.objects.get().product == biology


def test_a_product_change_does_not_give_a_team_a_second_seat(pool, acme, acme_seat, globex):
    biology = ProductFactory(name="Biology")
    SeatFactory(product=biology, teams=[acme])

    with pytest.raises(Refusal, match="Acme has a seat on Biology"):
        seats.update(acme_seat, product=biology)


def test_switching_reusable_counts_again(acme, accounting):
    seat = SeatFactory(product=accounting, teams=[acme])
    for _ in range(2):
        EnrollmentFactory(user=MembershipFactory(team=acme).user, product=accounting, expired=True)
    seats.recalculate()
    assert count(seat) == 2

    seats.update(seat, reusable=True)

    assert count(seat) == 0


def test_places_are_added_and_never_too_many(acme_seat):
    assert seats.add_places(acme_seat, 4).max_seats == 5
    for wrong, says in ((0, "at least one"), (10**7, "between 0 and")):
        with pytest.raises(Refusal, match=says):
            seats.add_places(acme_seat, wrong)


def test_an_archived_team_gets_no_seat(pool, acme):
    teams.archive(acme)

    with pytest.raises(Refusal, match="Acme is archived"):
        seats.assign(pool, [acme])


def test_only_a_seat_that_nobody_has_and_that_gave_nothing_is_deleted(pool, acme, ana, accounting):
    [given] = seats.assign(pool, [acme])
    with pytest.raises(Refusal, match="assigned to a team"):
        seats.delete(pool)
    seats.withdraw(given)
    EnrollmentFactory(user=ana, product=accounting, last_seat=pool)
    assert "gave enrollments" in why_kept(pool)

    Enrollment.objects.update(last_seat=None)
    seats.delete(pool)

    assert not Seat.objects.exists()


def test_a_past_date_may_stay_but_not_be_chosen(accounting):
    past = timezone.localdate() - timedelta(days=3)
    seat = SeatFactory(product=accounting, expiry_type="date", expiry_date=past)

    seats.update(seat, name="Renamed")
    with pytest.raises(Refusal, match="in the past"):
        seats.update(seat, expiry_date=past - timedelta(days=1))


def test_withdrawing_twice_says_so(pool, acme):
    [given] = seats.assign(pool, [acme])
    stale = SeatAssignment.objects.get(pk=given.pk)
    seats.withdraw(given)

    with pytest.raises(Refusal, match="no longer has this seat"):
        seats.withdraw(stale)
