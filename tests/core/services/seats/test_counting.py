import json
import threading
import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from core import tasks
from core.models import Enrollment, Seat, SeatAssignment, SiteSettings
from core.services import seats
from tests.factories import (
    EnrollmentFactory,
    MembershipFactory,
    ProductFactory,
    SeatFactory,
    TeamFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db


def enroll(team, product, count, **state):
    people = [MembershipFactory(team=team).user for _ in range(count)]
    return [EnrollmentFactory(user=person, product=product, **state) for person in people]


def used(seat, *, now=None):
    return seats.count_used(Seat.objects.filter(pk=seat.pk), now=now).get(seat.pk, 0)


def available(seat):
    seats.recalculate()
    seat.refresh_from_db()
    return seat.available


def test_expired_enrollments_give_their_places_back_on_a_reusable_seat_only(acme, accounting):
    seat = SeatFactory(product=accounting, max_seats=10, teams=[acme])
    enroll(acme, accounting, 3)
    enroll(acme, accounting, 5, expired=True)
    assert available(seat) == 2

    seat.reusable = True
    seat.save()

    assert available(seat) == 7
    assert available(seat) == 7


def test_a_shared_seat_is_one_pool_and_counts_a_person_once(accounting):
    teams = [TeamFactory(name=f"Branch {n}") for n in range(5)]
    seat = SeatFactory(product=accounting, max_seats=100, teams=teams)
    for team, taken in zip(teams, [10, 20, 35, 0, 0], strict=True):
        enroll(team, accounting, taken)
    assert available(seat) == 35

    somebody_in_the_first = teams[0].members.exclude(pk=teams[0].owner_id).first()
    MembershipFactory(team=teams[1], user=somebody_in_the_first)

    assert available(seat) == 35


def test_a_self_bought_enrollment_counts_while_its_owner_is_in_the_team(acme, acme_seat, accounting):
    bought = EnrollmentFactory(product=accounting, origin=Enrollment.Origin.THINKIFIC)
    assert used(acme_seat) == 0

    membership = MembershipFactory(team=acme, user=bought.user)
    assert used(acme_seat) == 1

    membership.delete()
    assert used(acme_seat) == 0


def test_one_enrollment_counts_on_the_seats_of_both_teams(acme_seat, globex_seat, ana, globex, accounting):
    MembershipFactory(team=globex, user=ana)
    EnrollmentFactory(user=ana, product=accounting)

    assert seats.count_used(Seat.objects.all()) == {acme_seat.pk: 1, globex_seat.pk: 1}


@pytest.mark.parametrize(
    ("state", "places", "places_when_reusable"),
    [
        ({}, 1, 1),
        ({"pending": True}, 1, 1),
        ({"pending": True, "expired": True}, 1, 0),
        ({"completed": True}, 1, 1),
        ({"expired": True}, 1, 0),
        ({"completed": True, "expired": True}, 1, 0),
        ({"failed": True}, 0, 0),
        ({"removed": True}, 0, 0),
        ({"expired": True, "removed": True}, 0, 0),
    ],
    ids=lambda value: "+".join(value) or "active" if isinstance(value, dict) else str(value),
)
def test_what_takes_a_place(acme_seat, ana, accounting, state, places, places_when_reusable):
    EnrollmentFactory(user=ana, product=accounting, **state)

    assert used(acme_seat) == places
    Seat.objects.update(reusable=True)
    assert used(acme_seat) == places_when_reusable


def test_a_course_that_came_with_a_bundle_takes_no_place_of_its_own(acme, acme_seat, ana, accounting):
    bundle = ProductFactory(bundle=True)
    bundle_seat = SeatFactory(product=bundle, teams=[acme])
    whole = EnrollmentFactory(user=ana, product=bundle)
    EnrollmentFactory(user=ana, product=accounting, via_bundle=whole)

    assert used(bundle_seat) == 1
    assert used(acme_seat) == 0


def test_managers_and_owners_take_places_too(acme, acme_seat, owen, mara, accounting):
    EnrollmentFactory(user=owen, product=accounting)
    EnrollmentFactory(user=mara, product=accounting)

    assert used(acme_seat) == 2


def test_people_of_other_teams_and_other_courses_take_none(acme_seat, ana, otto, accounting):
    EnrollmentFactory(user=otto, product=accounting)
    EnrollmentFactory(user=ana)

    assert used(acme_seat) == 0


def test_a_reusable_seat_does_not_free_the_place_on_another(acme, globex, ana, accounting):
    reusable = SeatFactory(product=accounting, reusable=True, teams=[acme])
    strict = SeatFactory(product=accounting, reusable=False, teams=[globex])
    MembershipFactory(team=globex, user=ana)
    EnrollmentFactory(user=ana, product=accounting, expired=True)

    assert (used(reusable), used(strict)) == (0, 1)


def test_an_enrollment_expires_at_its_moment(acme_seat, ana, accounting):
    end = timezone.now() + timedelta(days=3)
    Seat.objects.update(reusable=True)
    EnrollmentFactory(user=ana, product=accounting, expiry_date=end)

    assert used(acme_seat, now=end - timedelta(microseconds=1)) == 1
    assert used(acme_seat, now=end) == 0


def test_recalculating_answers_how_many_counts_were_wrong(acme_seat, globex_seat, ana, accounting):
    EnrollmentFactory(user=ana, product=accounting)
    Seat.objects.filter(pk=acme_seat.pk).update(used_count=0)

    assert seats.recalculate() == 1
    assert seats.recalculate() == 0
    acme_seat.refresh_from_db()
    assert acme_seat.used_count == 1
    assert acme_seat.used_counted_at is not None


def test_only_the_chosen_seats_are_recalculated_even_if_chosen_by_their_count(acme_seat, globex_seat):
    Seat.objects.update(used_count=7)

    assert seats.recalculate(Seat.objects.over()) == 1

    acme_seat.refresh_from_db()
    globex_seat.refresh_from_db()
    assert (acme_seat.used_count, globex_seat.used_count) == (0, 7)
    assert acme_seat.used_counted_at and not globex_seat.used_counted_at


def test_a_seat_nobody_has_falls_to_zero(accounting):
    seat = SeatFactory(product=accounting, used_count=4)

    assert available(seat) == 10


def test_the_number_of_queries_does_not_depend_on_the_number_of_seats(
    acme, accounting, django_assert_num_queries
):
    enroll(acme, accounting, 2)
    SeatFactory.create_batch(40, teams=[], used_count=3)
    SeatFactory(product=accounting, teams=[acme])
    SiteSettings.load()

    # Savepoint and release, the settings, lock, count; the write is counted on PostgreSQL only.
    with django_assert_num_queries(5 + (connection.vendor == "postgresql")):
        assert seats.recalculate() == 40


def test_a_count_is_no_history(acme_seat, ana, accounting):
    EnrollmentFactory(user=ana, product=accounting)

    seats.recalculate()

    assert acme_seat.history.count() == 1


def test_a_manager_who_is_also_a_student_elsewhere_counts_where_the_seat_is(acme, globex, mara, accounting):
    MembershipFactory(team=globex, user=mara, role=builtin_role("student"))
    seat = SeatFactory(product=accounting, teams=[globex])
    EnrollmentFactory(user=mara, product=accounting)

    assert used(seat) == 1


def test_the_task_tells_its_starter(root, acme_seat, ana, accounting):
    EnrollmentFactory(user=ana, product=accounting)
    Seat.objects.update(used_count=7)

    tasks.recalculate_seats(root.pk)

    notice = root.notices.get()
    assert notice.text == "Seats recalculated: one count was corrected."
    assert notice.url == "/admin/core/seat/"


def test_the_task_tells_its_starter_that_it_failed(root, monkeypatch):
    def lost(*_, **__):
        raise DatabaseError("the connection was lost")

    monkeypatch.setattr("core.services.seats.counting.bulk.update", lost)

    with pytest.raises(DatabaseError):
        tasks.recalculate_seats(root.pk)

    assert root.notices.get().level == "error"


def test_the_command_reports_in_json(acme_seat, ana, bo, accounting, capsys):
    for person in (ana, bo):
        EnrollmentFactory(user=person, product=accounting)
    Seat.objects.update(used_count=0)

    call_command("recalculate_seats", "--json")

    report = json.loads(capsys.readouterr().out)
    assert {"seats": 1, "changed": 1, "over": 1}.items() <= report.items()


def test_the_command_reports_in_words(acme_seat, capsys):
    call_command("recalculate_seats")

    assert "Counted 1 seats: 0 had a wrong count" in capsys.readouterr().out


def test_a_template_copy_is_counted_apart(acme, globex, ana, accounting):
    original = SeatFactory(product=accounting, teams=[acme])
    copy = SeatFactory(product=accounting, source_template=original)
    SeatAssignment.objects.create(
        team=globex, seat=copy, product=accounting, mode=SeatAssignment.Mode.TEMPLATE
    )
    EnrollmentFactory(user=ana, product=accounting)

    assert (used(original), used(copy)) == (1, 0)


def test_the_last_writer_sets_the_expiry_and_both_seats_count_one(acme, globex, ana, accounting):
    long = SeatFactory(product=accounting, expiry_days=365, teams=[acme])
    short = SeatFactory(product=accounting, expiry_days=60, teams=[globex])
    MembershipFactory(team=globex, user=ana)
    enrollment = EnrollmentFactory(user=ana, product=accounting, last_seat=long)

    enrollment.last_seat = short
    enrollment.expiry_date = timezone.now() + timedelta(days=60)
    enrollment.save()

    assert Enrollment.objects.count() == 1
    assert (used(long), used(short)) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_place_taken_meanwhile_is_not_overwritten(acme_seat, ana, accounting):
    Seat.objects.update(used_count=5)  # wrong, so that there is something to write
    has_lock = threading.Event()

    def take_a_place():
        with transaction.atomic():
            seat = Seat.objects.select_for_update().get()
            EnrollmentFactory(user=ana, product=accounting)
            has_lock.set()
            time.sleep(0.3)
            Seat.objects.filter(pk=seat.pk).update(used_count=1)
        connection.close()

    manager = threading.Thread(target=take_a_place)
    manager.start()
    assert has_lock.wait(10)
    seats.recalculate()
    manager.join()

    assert Seat.objects.get().used_count == used(acme_seat) == 1
