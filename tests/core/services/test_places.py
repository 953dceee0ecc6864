"""Enrolling takes a place of a seat, and the seat's rules decide. Ana and Bo study at Acme."""

import threading
from datetime import date, datetime, time, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from core.errors import Refusal
from core.models import Enrollment, Membership, Seat, SiteSettings, User
from core.services import seats
from core.services.enrollments import enroll_many, enrollments, seat_access
from core.services.enrollments.places import NoPlacesLeft
from tests.factories import (
    EnrollmentFactory,
    MembershipFactory,
    ProductFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db


def used(seat):
    return Seat.objects.get(pk=seat.pk).used_count


def end_of(enrollment):
    return Enrollment.objects.get(pk=enrollment.pk).expiry_date


def days_left(enrollment):
    return round((end_of(enrollment) - timezone.now()) / timedelta(days=1))


def test_a_full_seat_refuses_and_names_what_is_used(mara, ana, bo, acme_seat, accounting):
    seat_access.enroll(student=ana, products=[accounting], by=mara)

    with pytest.raises(NoPlacesLeft, match=r"Acme has no place left for Accounting 101 \(1 of 1 used\)"):
        seat_access.enroll(student=bo, products=[accounting], by=mara)

    assert not bo.enrollments.exists()
    assert used(acme_seat) == 1


def test_a_full_seat_refuses_administrators_and_takes_the_student_api(alma, ana, bo, acme_seat, accounting):
    [given] = seat_access.enroll(student=ana, products=[accounting], by=alma)
    assert given.last_seat == acme_seat
    with pytest.raises(NoPlacesLeft, match="enroll without a seat"):
        seat_access.enroll(student=bo, products=[accounting], by=alma)

    enrollments.enroll_unchecked(student=bo, products=[accounting])

    assert Seat.objects.over().get() == acme_seat
    assert Seat.objects.get().over == 1


def test_an_administrator_may_enroll_without_a_seat_and_the_place_still_counts(
    alma, ana, bo, acme_seat, accounting
):
    seat_access.enroll(student=ana, products=[accounting], by=alma)
    [given] = seat_access.enroll(student=bo, products=[accounting], by=alma, without_seat=True)

    assert given.last_seat is None
    assert used(acme_seat) == 2


def test_a_managers_wish_for_no_seat_is_ignored(mara, ana, acme_seat, accounting):
    [given] = seat_access.enroll(student=ana, products=[accounting], by=mara, without_seat=True)

    assert given.last_seat == acme_seat


def test_many_are_enrolled_all_or_none_and_each_seat_names_what_it_lacks(mara, acme, acme_seat, accounting):
    people = [MembershipFactory(team=acme).user for _ in range(4)]
    biology = ProductFactory(name="Biology")
    SeatFactory(product=biology, max_seats=2, teams=[acme])

    with pytest.raises(NoPlacesLeft) as refused:
        seat_access.enroll_many(students=people, products=[accounting, biology], by=mara)

    said = str(refused.value)
    assert "Acme needs 4 places and lacks 3 for Accounting 101 (0 of 1 used)." in said
    assert "Acme needs 4 places and lacks 2 for Biology (0 of 2 used)." in said
    assert not Enrollment.objects.exists()


def test_who_has_a_place_needs_none(mara, ana, acme_seat, accounting):
    [first] = seat_access.enroll(student=ana, products=[accounting], by=mara)
    [again] = seat_access.enroll(student=ana, products=[accounting], by=mara)

    assert again == first
    assert used(acme_seat) == 1


@pytest.mark.parametrize("sent", [True, False])
@pytest.mark.parametrize(("reusable", "free"), [(True, True), (False, False)])
def test_an_ended_enrollment_gives_its_place_to_another_on_a_reusable_seat_only(
    mara, ana, bo, acme_seat, accounting, reusable, free, sent
):
    [enrollment] = seat_access.enroll(student=ana, products=[accounting], by=mara)
    seats.update(acme_seat, reusable=reusable)
    if sent:
        Enrollment.objects.update(push_state="clean", thinkific_id=1)
    enrollments.expire([enrollment], by=mara)
    assert used(acme_seat) == (0 if free else 1)

    if free:
        seat_access.enroll(student=bo, products=[accounting], by=mara)
        with pytest.raises(NoPlacesLeft):  # the place is Bo's now
            seat_access.enroll(student=ana, products=[accounting], by=mara)
    else:
        seat_access.enroll(student=ana, products=[accounting], by=mara)
        with pytest.raises(NoPlacesLeft):
            seat_access.enroll(student=bo, products=[accounting], by=mara)


def test_opening_an_ended_enrollment_by_its_date_needs_a_place_too(
    mara, alma, ana, bo, acme_seat, accounting
):
    seats.update(acme_seat, reusable=True, extendable=True)
    [ended] = seat_access.enroll(student=ana, products=[accounting], by=mara)
    Enrollment.objects.update(push_state="clean", thinkific_id=1)
    enrollments.expire([ended], by=mara)
    seat_access.enroll(student=bo, products=[accounting], by=mara)

    with pytest.raises(NoPlacesLeft, match="1 of 1 used"):
        seat_access.change_end(ended, expiry_date=timezone.now() + timedelta(days=9), by=alma)


def test_an_inactive_seat_enrolls_nobody_and_keeps_its_people(mara, ana, bo, acme_seat, accounting):
    [given] = seat_access.enroll(student=ana, products=[accounting], by=mara)
    seats.update(acme_seat, active=False, max_seats=5)

    with pytest.raises(NoPlacesLeft, match="inactive"):
        seat_access.enroll(student=bo, products=[accounting], by=mara)
    assert given.status == "pending"


def test_a_seat_whose_date_is_past_enrolls_nobody(mara, ana, accounting, acme):
    SeatFactory(product=accounting, expiry_type="date", expiry_date=date(2020, 1, 1), teams=[acme])

    with pytest.raises(NoPlacesLeft, match="ended on 1 Jan 2020"):
        seat_access.enroll(student=ana, products=[accounting], by=mara)


def test_the_rule_of_the_seat_decides_the_end(mara, ana, acme, acme_seat, accounting, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    timezone.deactivate()
    [given] = seat_access.enroll(student=ana, products=[accounting], by=mara)
    assert days_left(given) == 365

    day = timezone.localdate() + timedelta(days=40)
    seats.update(acme_seat, expiry_type="date", expiry_date=day)
    seat_access.enroll(student=ana, products=[accounting], by=mara)
    assert end_of(given) == timezone.make_aware(datetime.combine(day, time(23, 59, 59)))
    assert end_of(given).hour == 14  # in UTC

    for rule in ({"expiry_type": "never"}, {"expiry_type": "days", "expiry_days": 0}):
        seats.update(acme_seat, **rule)
        seat_access.enroll(student=ana, products=[accounting], by=mara)
        assert end_of(given) is None


def test_a_viewer_may_end_earlier_than_the_rule_and_not_later(mara, ana, acme_seat, accounting):
    soon, late = (timezone.now().replace(microsecond=0) + timedelta(days=days) for days in (10, 4000))

    [given] = seat_access.enroll(student=ana, products=[accounting], expiry_date=soon, by=mara)
    assert end_of(given) == soon
    seat_access.enroll(student=ana, products=[accounting], expiry_date=late, by=mara)
    assert days_left(given) == 365


def test_a_date_seat_is_extended_only_up_to_its_date(owen, alma, ana, acme_seat, accounting):
    day = timezone.localdate() + timedelta(days=40)
    seats.update(acme_seat, expiry_type="date", expiry_date=day, extendable=True)
    [given] = seat_access.enroll(student=ana, products=[accounting], by=owen)
    late = timezone.now() + timedelta(days=50)

    with pytest.raises(Refusal, match="at most"):
        seat_access.change_end(given, expiry_date=late, by=owen)
    with pytest.raises(Refusal, match="at most"):
        seat_access.change_end(given, expiry_date=None, by=owen)
    assert seat_access.change_end(given, expiry_date=late - timedelta(days=20), by=owen) == 1
    assert seat_access.change_end(given, expiry_date=late, by=alma) == 1


@pytest.mark.parametrize(("winner", "days"), [("last", 60), ("longest", 365)])
def test_of_two_seats_the_last_writer_or_the_longest_wins_and_both_count(
    alma, mara, gwen, ana, acme_seat, globex, globex_seat, accounting, winner, days
):
    SiteSettings.objects.update_or_create(pk=1, defaults={"seat_expiry_winner": winner})
    seats.update(globex_seat, expiry_days=60)
    [given] = seat_access.enroll(student=ana, products=[accounting], by=mara)
    MembershipFactory(team=globex, user=ana)
    MembershipFactory(team=globex, user=mara, role=builtin_role("manager"))
    seats.update(acme_seat, active=False)  # so that the second is taken

    mara = User.objects.get(pk=mara.pk)  # rights are kept for a request
    seat_access.enroll(student=ana, products=[accounting], by=mara)

    assert Enrollment.objects.get().last_seat == globex_seat
    assert days_left(given) == days
    assert (used(acme_seat), used(globex_seat)) == (1, 1)


def test_the_team_with_a_free_place_gives_it(mara, ana, bo, acme_seat, accounting):
    second = TeamFactory(name="Second")
    other = SeatFactory(product=accounting, max_seats=1, teams=[second])
    for person, role in ((mara, "manager"), (ana, "student"), (bo, "student")):
        MembershipFactory(team=second, user=person, role=builtin_role(role))
    stranger = MembershipFactory(team=Membership.objects.get(user=ana, team__name="Acme").team).user
    enrollments.enroll_unchecked(student=stranger, products=[accounting])  # Acme's only place

    [given] = seat_access.enroll(student=ana, products=[accounting], by=mara)

    assert given.last_seat == other


def test_a_soft_limit_lets_people_in_and_warns(mara, ana, bo, acme_seat, accounting):
    seats.update(acme_seat, soft_limit=True)

    made = seat_access.plan([ana, bo], [accounting], None, mara)
    seat_access.enroll_many(students=[ana, bo], products=[accounting], by=mara)

    assert made.warnings() == [
        "Acme will have 1 person more than places for Accounting 101. The seat allows that."
    ]
    assert Seat.objects.get().over == 1


def test_a_bundle_takes_one_place_whatever_it_contains(mara, ana, acme, acme_seat, accounting):
    bundle = ProductFactory(bundle=True)
    seat = SeatFactory(product=bundle, max_seats=1, teams=[acme])
    [held] = seat_access.enroll(student=ana, products=[bundle], by=mara)
    EnrollmentFactory(user=ana, product=accounting, via_bundle=held)

    assert (used(seat), used(acme_seat)) == (1, 0)


def test_ten_thousand_places_are_counted_in_few_queries(
    mara, acme, accounting, django_assert_max_num_queries
):
    people = [MembershipFactory(team=acme).user for _ in range(30)]
    SeatFactory(product=accounting, max_seats=40, teams=[acme])

    with django_assert_max_num_queries(45):
        seat_access.enroll_many(students=people, products=[accounting], by=mara)


@pytest.mark.django_db(transaction=True)
def test_the_last_places_go_to_as_many_people_as_there_are_places(accounting):
    """Real connections at the same time: eight people, three places, through two teams of one pool."""
    teams = [TeamFactory(), TeamFactory()]
    seat = SeatFactory(product=accounting, max_seats=3, teams=teams)
    people = [MembershipFactory(team=teams[n % 2]).user for n in range(8)]
    managers = [team.owner for team in teams]
    together, outcomes = threading.Barrier(8, timeout=30), []

    def enroll(number: int) -> None:
        try:
            together.wait()
            seat_access.enroll(student=people[number], products=[accounting], by=managers[number % 2])
            outcomes.append("enrolled")
        except NoPlacesLeft:
            outcomes.append("full")
        except Exception as error:  # shown by the assertion
            outcomes.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=enroll, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(outcomes) == ["enrolled"] * 3 + ["full"] * 5
    assert Enrollment.objects.count() == used(seat) == 3
    assert seats.recalculate() == 0


@pytest.mark.django_db(transaction=True)
def test_joining_and_enrolling_at_the_same_time_leaves_a_true_count(accounting):
    """One transaction enrolls people while another lets them join: whichever comes first, each is counted
    once."""
    team = TeamFactory()
    seat = SeatFactory(product=accounting, max_seats=100, teams=[team])
    people = [UserFactory() for _ in range(10)]
    failed = []

    def run(step) -> None:
        try:
            for person in people:
                step(person)
        except Exception as error:
            failed.append(repr(error))
        finally:
            connection.close()

    def join(person) -> None:
        Membership.objects.create(team=team, user=person, role=builtin_role("student"))

    def buy(person) -> None:
        enroll_many.enroll_unchecked(students=[person], products=[accounting])

    threads = [threading.Thread(target=run, args=[step]) for step in (join, buy)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failed == []
    assert used(seat) == 10
    assert seats.recalculate() == 0
