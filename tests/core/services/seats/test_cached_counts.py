"""The cached count of a seat is true after every write, whoever makes it."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.models import Enrollment, Membership, Seat, SeatAssignment, SiteSettings, Team, User
from core.services import seats
from core.services.seats import counting
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


def cached():
    return {pk: used for pk, used in Seat.objects.values_list("pk", "used_count") if used}


def defined():
    found = {}
    for moment in set(Seat.objects.values_list("used_counted_at", flat=True)):
        found |= seats.count_used(Seat.objects.filter(used_counted_at=moment), now=moment)
    return found


PEOPLE, TEAMS, PRODUCTS = range(4), range(3), range(2)
person, team, product = (st.sampled_from(numbers) for numbers in (PEOPLE, TEAMS, PRODUCTS))
people = st.lists(person, min_size=1, max_size=3, unique=True)
state = st.fixed_dictionaries(
    {
        "removed": st.booleans(),
        "push_state": st.sampled_from(["clean", "pending", "failed"]),
        "remote": st.booleans(),
        "ends": st.sampled_from([None, -5, 5]),
        "origin": st.sampled_from(["thinkific", "dashboard"]),
        "bundle": st.booleans(),
    }
)
operations = st.lists(
    st.one_of(
        st.tuples(st.just("enroll"), people, product, state),
        st.tuples(st.just("change"), people, product, state),
        st.tuples(st.just("unenroll"), people, product),
        st.tuples(st.just("join"), people, team),
        st.tuples(st.just("leave"), people, team),
        st.tuples(st.just("leave all"), people),
        st.tuples(st.just("assign"), team, product, st.integers(0, 1)),
        st.tuples(st.just("withdraw"), team, product),
        st.tuples(st.just("move"), team, team, product),
        st.tuples(st.just("reusable"), st.integers(0, 3), st.booleans()),
        st.tuples(st.just("delete user"), person),
        st.tuples(st.just("delete team"), team),
        st.tuples(st.just("policy"), st.booleans()),
        st.tuples(
            st.just("time passes"),
        ),
    ),
    max_size=25,
)


class World:
    def __init__(self) -> None:
        SiteSettings.load()
        self.owner = UserFactory()
        self.products = [ProductFactory() for _ in PRODUCTS]
        self.bundle = EnrollmentFactory(user=self.owner, product=ProductFactory(bundle=True))
        self.people = [UserFactory() for _ in PEOPLE]
        self.teams = [TeamFactory(owner=self.owner) for _ in TEAMS]
        self.seats = [SeatFactory(product=one) for one in self.products for _ in range(2)]
        self.use_places()

    def use_places(self):
        """Otherwise few examples come to a place that is used."""
        for where, there in enumerate(self.teams):
            for what in PRODUCTS:
                seats.assign(self.seats[what * 2 + where % 2], [there])
        for number, one in enumerate(self.people):
            MembershipFactory(team=self.teams[number % len(self.teams)], user=one)
            EnrollmentFactory(user=one, product=self.products[number % len(self.products)])

    def as_stored(self):
        self.seats = list(Seat.objects.order_by("pk"))

    def values(self, state):
        return {
            "removed_at": timezone.now() if state["removed"] else None,
            "push_state": state["push_state"],
            "expiry_date": state["ends"] and timezone.now() + timedelta(days=state["ends"]),
            "origin": state["origin"],
            "via_bundle": self.bundle if state["bundle"] else None,
        }

    def of(self, numbers):
        return User.objects.filter(pk__in=[self.people[number].pk for number in numbers])

    def do(self, name, *args):
        getattr(self, name.replace(" ", "_"))(*args)

    def enroll(self, who, what, state):
        Enrollment.objects.bulk_create(
            [
                Enrollment(
                    user=one,
                    product=self.products[what],
                    thinkific_id=one.pk * 10 + what if state["remote"] else None,
                    **self.values(state),
                )
                for one in self.of(who)
            ],
            ignore_conflicts=True,
        )

    def change(self, who, what, state):
        Enrollment.objects.filter(user__in=self.of(who), product=self.products[what]).update(
            **self.values(state)
        )

    def unenroll(self, who, what):
        Enrollment.objects.filter(user__in=self.of(who), product=self.products[what]).delete()

    def join(self, who, where):
        there = Team.objects.filter(pk=self.teams[where].pk)
        Membership.objects.bulk_create(
            [Membership(user=u, team=t, role=builtin_role("student")) for u in self.of(who) for t in there],
            ignore_conflicts=True,
        )

    def leave(self, who, where):
        Membership.objects.filter(user__in=self.of(who), team=self.teams[where].pk).delete()

    def leave_all(self, who):
        Membership.objects.filter(user__in=self.of(who)).delete()

    def assign(self, where, what, which):
        there = Team.objects.filter(pk=self.teams[where].pk).first()
        seat = self.seats[what * 2 + which]
        if there and not SeatAssignment.objects.filter(team=there, product=seat.product).exists():
            seats.assign(seat, [there])

    def withdraw(self, where, what):
        SeatAssignment.objects.filter(team=self.teams[where].pk, product=self.products[what]).delete()

    def move(self, where, to, what):
        given = SeatAssignment.objects.filter(team=self.teams[where].pk, product=self.products[what]).first()
        there = Team.objects.filter(pk=self.teams[to].pk).first()
        if given and there and not SeatAssignment.objects.filter(team=there, product=given.product).exists():
            seats.move(given, to=there)

    def reusable(self, which, value):
        seats.update(self.seats[which], reusable=value)

    def delete_user(self, who):
        self.of([who]).delete()

    def delete_team(self, which):
        Team.objects.filter(pk=self.teams[which].pk).delete()

    def policy(self, value):
        SiteSettings.objects.filter(pk=1).update(bought_enrollments_take_places=value)
        counting.let_pass(timezone.now())

    def time_passes(self):
        counting.let_pass(timezone.now())


CHECKED = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


@settings(max_examples=20, **CHECKED)
@given(operations=operations)
def test_cached_counts_are_those_of_the_definition_after_any_writes(world, operations):
    compare_after_each(world, operations)


@pytest.mark.slow
@settings(max_examples=120, **CHECKED)
@given(operations=operations)
def test_cached_counts_are_those_of_the_definition_after_many_more_writes(world, operations):
    compare_after_each(world, operations)


@pytest.fixture
def world(db):
    return World()


def compare_after_each(world, operations):
    """What the operations do is rolled back: making a world for each example takes as long as comparing."""
    with transaction.atomic():
        world.as_stored()
        for operation in operations:
            world.do(*operation)
            assert cached() == defined(), operation
        assert seats.recalculate() == 0
        transaction.set_rollback(True)


def test_an_end_that_comes_by_itself_frees_a_reusable_place_within_a_minute(acme, ana, accounting):
    reusable = SeatFactory(product=accounting, reusable=True, teams=[acme])
    seats.recalculate()
    end = timezone.now() + timedelta(hours=1)
    EnrollmentFactory(user=ana, product=accounting, expiry_date=end)
    assert cached() == {reusable.pk: 1}

    assert counting.let_pass(end - timedelta(minutes=1)) == 0
    assert counting.let_pass(end + timedelta(minutes=1)) == 1

    assert cached() == {}


def test_two_memberships_in_teams_of_one_seat_are_one_place_in_one_statement(accounting, ana, acme):
    first, second = TeamFactory(), TeamFactory()
    seat = SeatFactory(product=accounting, teams=[first, second])
    EnrollmentFactory(user=ana, product=accounting)

    Membership.objects.bulk_create(
        [Membership(user=ana, team=team, role=builtin_role("student")) for team in (first, second)]
    )
    assert cached() == {seat.pk: 1}
    Membership.objects.filter(team__in=[first, second], user=ana).delete()

    assert cached() == {}


def test_a_count_that_is_wrong_never_stops_a_write(acme_seat, ana, accounting):
    enrollment = EnrollmentFactory(user=ana, product=accounting)
    Seat.objects.update(used_count=0)

    enrollment.delete()

    assert cached() == {}


def test_the_triggers_are_there():
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgname LIKE 'seat_counts_%'")
        else:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'seat_counts_%'"
            )
        assert len(cursor.fetchall()) in {11, 12}


def test_a_person_who_bought_the_course_takes_a_place_by_joining_unless_the_settings_say_no(acme, accounting):
    seat = SeatFactory(product=accounting, teams=[acme])
    bought = EnrollmentFactory(product=accounting, origin="thinkific")
    joined = MembershipFactory(team=acme, user=bought.user)
    assert cached() == {seat.pk: 1}
    joined.delete()
    assert cached() == {}

    SiteSettings.objects.update_or_create(pk=1, defaults={"bought_enrollments_take_places": False})
    MembershipFactory(team=acme, user=bought.user)
    assert cached() == {} == defined()
    Enrollment.objects.update(last_seat=seat)
    assert cached() == {seat.pk: 1} == defined()
