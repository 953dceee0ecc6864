"""Each event is told by the service that makes it: once, with the change, and not without it."""

import json
from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.errors import Refusal
from core.models import (
    Certificate,
    Enrollment,
    Invitation,
    QuizResult,
    Seat,
    SiteSettings,
    Team,
    User,
    WebhookDelivery,
    WebhookEndpoint,
)
from core.services import automatic_memberships, invitations, memberships, people, seats, webhooks
from core.services.accounts import deletions
from core.services.api import users
from core.services.enrollments import enroll_many, enrollments
from core.services.mirror.enrollments import apply_enrollments
from core.services.mirror.groups import TeamTarget, leave_teams
from core.services.mirror.results import apply_certificates, apply_quiz_results
from core.services.mirror.source import Source
from core.services.roles import administrators
from core.services.seats import alerts
from core.services.teams import leaving, moving, teams
from core.services.webhooks import ended_access, endpoints
from core.services.webhooks.ended_access import tell_of_ended_access
from core.services.webhooks.events import EVENTS
from integrations.models import Kind
from tests.factories import (
    BundleItemFactory,
    EnrollmentFactory,
    GroupAssignmentFactory,
    MembershipFactory,
    ProductFactory,
    QuizFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
    WebhookEndpointFactory,
    builtin_role,
)
from tests.integrations.thinkific.running import carry

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)
DAY = timedelta(days=1)
PULL = Source("Thinkific, run 7")


@pytest.fixture(autouse=True)
def endpoint(db) -> WebhookEndpoint:
    return WebhookEndpointFactory(events=["*"], listens_since=NOW - DAY)


def told() -> Counter[str]:
    return Counter(WebhookDelivery.objects.values_list("event", flat=True))


@contextmanager
def events(**expected: int):
    """Within the block exactly these events are told (dots are written as two underscores)."""
    WebhookDelivery.objects.all().delete()
    yield
    assert told() == Counter({name.replace("__", "."): count for name, count in expected.items()})


def payload() -> dict:
    return WebhookDelivery.objects.get().payload


@pytest.fixture
def bundle(accounting):
    bundle = ProductFactory(bundle=True)
    BundleItemFactory(bundle=bundle, course=accounting)
    BundleItemFactory(bundle=bundle)
    return bundle


# --- people and teams --------------------------------------------------------------------------------


def test_users(alma, root, acme, ana, bo):
    with events(user__created=1):
        person = people.create_user(
            email="new@acme.example", is_dashboard_user=True, in_thinkific=False, by=alma
        )
    with events():  # a student is no user of the dashboard
        people.create_user(email="student@acme.example", in_thinkific=False, by=alma)
    with events(user__created=1):
        administrators.change_global_role(ana, role=builtin_role("administrator"), by=root)
    with events():
        administrators.change_global_role(ana, role=None, by=root)
    with events(user__created=1, team__created=1, membership__created=1):
        teams.create(name="New", owner=bo, by=alma)
    with events(user__deleted=1):
        deletions.delete(person, confirmed=deletions.describe(person, by=alma), by=alma)


def test_an_account_that_the_rest_api_makes_a_user(alma, ana):
    wanted = users.Changes(email=ana.email, name="Ana Ash")
    with events(user__created=1, team__created=1, membership__created=1):
        users.upsert(wanted, by=alma)
        created = WebhookDelivery.objects.get(event="user.created")
        assert (created.payload["id"], created.payload["name"]) == (ana.pk, "Ana Ash")
    with events():
        users.upsert(wanted, by=alma)


@pytest.mark.parametrize("too", [True, False])
def test_students(alma, ana, too):
    SiteSettings.load()
    SiteSettings.objects.update(delete_students=too)
    User.objects.filter(pk=ana.pk).update(thinkific_id=77)
    ana.refresh_from_db()
    name = "student.deleted.thinkific" if too else "student.deleted"
    with events(**{name.replace(".", "__"): 1}):
        deletions.delete(ana, confirmed=deletions.describe(ana, by=alma), by=alma)
        assert payload()["email"] == "ana@acme.example"


def test_who_is_user_and_student_is_deleted_as_both(alma, acme):
    both = UserFactory(is_dashboard_user=True)
    MembershipFactory(team=acme, user=both)
    with events(user__deleted=1, student__deleted=1):
        deletions.delete(both, confirmed=deletions.describe(both, by=alma), by=alma)


def test_members(alma, acme, globex, otto, ana, bo, owen):
    student = builtin_role("student")
    with events(membership__created=1):
        memberships.add_member(team=acme, user=otto, role=student, by=alma)
        assert payload()["team"] == {"id": acme.pk, "name": "Acme"}
        assert payload()["role"] == "student"
    with events(membership__created=2):
        memberships.add_members(team=globex, users=[ana, bo], role=student, by=alma)
    with events():
        memberships.add_members(team=globex, users=[ana, bo], role=student, by=alma)
    with events(membership__deleted=2):
        leaving.remove_members(team=globex, users=[ana, bo], by=alma)
    with events(membership__created=1, membership__deleted=1):
        moving.move_members(source=acme, target=globex, users=[ana], by=alma)
    row = MembershipFactory(team=acme, as_guest=False)
    with events(membership__deleted=1):
        invitations.replace_membership(row, by=alma, reason="a test")
    with events(membership__created=1):
        invitations.accept(Invitation.objects.get(user=row.user), by=row.user)


def test_members_whom_a_sync_brings_and_takes_away(acme, otto, ana):
    target = TeamTarget(acme.pk, builtin_role("student").pk)
    with events(membership__created=1):
        automatic_memberships.join_teams([otto.pk, ana.pk], [target], source=PULL, now=NOW)
    with events():
        automatic_memberships.join_teams(
            [UserFactory().pk], [target], source=Source("a run", first_load=True), now=NOW
        )
    group = GroupAssignmentFactory(team=acme, direction="thinkific_to_dashboard").group
    with events(membership__deleted=1):
        leave_teams(group, [otto.pk])


# --- seats -------------------------------------------------------------------------------------------


def test_seats(alma, acme, globex, accounting):
    with events(seat__updated=1):
        seat = seats.create(
            name="Pool", product=accounting, max_seats=3, expiry_type=Seat.Expiry.NEVER, by=alma
        )
    with events(seat__updated=1):
        seats.update(seat, max_seats=5, by=alma)
        assert payload()["max_seats"] == 5
    with events():
        seats.update(seat, max_seats=5, by=alma)
    with events(seat__updated=1):
        seats.add_places(seat, 2, by=alma)
    with events(seat__updated=1):
        [assignment] = seats.assign(seat, [acme], by=alma)
        assert payload()["teams"] == [{"id": acme.pk, "name": "Acme"}]
    with events(seat__updated=2):  # both
        seats.move_places(assignment, 2, to=globex, by=alma)
    with events(seat__updated=1):
        seats.withdraw(assignment, by=alma)
    with events(seat__updated=1):
        [copied] = seats.assign_copies(seat, [acme], by=alma)
    assert payload()["id"] == copied.seat_id
    with events(seat__updated=1):
        seats.move(copied, to=TeamFactory(), by=alma)
    spare = SeatFactory(product=accounting)
    with events(seat__updated=1):
        seats.delete(spare, by=alma)


def test_a_seat_without_places_left(acme, acme_seat, ana, accounting):
    EnrollmentFactory(user=ana, product=accounting, last_seat=acme_seat)
    with events(seat__exhausted=1):
        alerts.watch()
        assert payload()["available"] == 0
    with events():
        alerts.watch()
    Seat.objects.update(max_seats=3)
    alerts.watch()
    Seat.objects.update(max_seats=1)
    with events(seat__exhausted=1):
        alerts.watch()


# --- enrollments -------------------------------------------------------------------------------------


def test_enrollments(alma, ana, accounting):
    with events(enrollment__created=1):
        [enrollment] = enrollments.enroll_unchecked(student=ana, products=[accounting], by=alma)
        assert payload()["product"]["productable_id"] == accounting.productable_id
        assert payload()["status"] == "pending"
    with events():  # longer is no new access
        enrollments.change_expiry([enrollment], expiry_date=NOW + 9 * DAY, by=alma)
    with events(enrollment__deleted=1):
        enrollments.expire([enrollment], by=alma)
        assert payload()["expiry_date"] < WebhookDelivery.objects.get().created_at.isoformat()
    with events():
        enrollments.expire([enrollment], by=alma)
    with events(enrollment__created=1):
        enrollments.change_expiry([enrollment], expiry_date=None, by=alma)
    with events(enrollment__deleted=1):
        enrollments.change_expiry([enrollment], expiry_date=NOW - DAY, by=alma)
    with events(enrollment__created=1):
        enrollments.enroll_unchecked(student=ana, products=[accounting], by=alma)


def test_many_at_once(alma, accounting, acme, bundle):
    students = UserFactory.create_batch(30)
    with events(enrollment__created=30):
        enroll_many.enroll_unchecked(students=students, products=[accounting], by=alma)
    with events(enrollment__created=30):
        enroll_many.enroll_unchecked(students=students, products=[bundle], by=alma)
    with events(enrollment__deleted=30):
        enrollments.expire(Enrollment.objects.filter(product=bundle), by=alma)


def test_access_that_ends_by_itself_is_told_once(alma, ana, bo, accounting, endpoint):
    WebhookEndpoint.objects.update(ends_told_until=NOW - timedelta(hours=1))
    lately = NOW - timedelta(minutes=5)
    ended = EnrollmentFactory(user=ana, product=accounting, granted=True, expiry_date=lately)
    EnrollmentFactory(user=bo, product=accounting, expiry_date=lately)  # bought
    with events(enrollment__deleted=1):
        assert tell_of_ended_access() == 1
        assert tell_of_ended_access() == 0
        assert payload()["id"] == ended.pk


def test_who_begins_to_take_the_event_is_not_told_of_old_ends(endpoint, alma, ana, accounting):
    WebhookEndpoint.objects.update(events=["team.created"], ends_told_until=NOW - 3 * DAY)
    EnrollmentFactory(user=ana, product=accounting, granted=True, expiry_date=NOW - 2 * DAY)
    tell_of_ended_access()
    endpoints.update(endpoint, by=alma, events=["enrollment.deleted"])
    with events():
        assert tell_of_ended_access() == 0


def test_ends_are_looked_up_in_parts(monkeypatch, accounting):
    monkeypatch.setattr(ended_access, "AT_ONCE", 2, raising=False)
    WebhookEndpoint.objects.update(ends_told_until=NOW - timedelta(hours=1))
    for minutes in range(5):
        end = NOW - timedelta(minutes=minutes)
        EnrollmentFactory(product=accounting, granted=True, expiry_date=end)
    with events(enrollment__deleted=5), CaptureQueriesContext(connection) as queries:
        assert tell_of_ended_access() == 5
        assert tell_of_ended_access() == 0
    told_keys = list(WebhookDelivery.objects.order_by("pk").values_list("payload__id", flat=True))
    assert told_keys == list(Enrollment.objects.order_by("expiry_date").values_list("pk", flat=True))
    read = [one["sql"] for one in queries if one["sql"].startswith("SELECT")]
    assert len([sql for sql in read if "core_webhookdelivery" in sql and " IN (" in sql]) == 3


def test_access_that_somebody_ended_is_not_told_again_at_midnight(alma, ana, accounting):
    [enrollment] = enrollments.enroll_unchecked(student=ana, products=[accounting], by=alma)
    WebhookEndpoint.objects.update(ends_told_until=NOW - 2 * DAY)
    with events(enrollment__deleted=1):
        enrollments.expire([enrollment], by=alma)
        tell_of_ended_access()


# --- what Thinkific tells ----------------------------------------------------------------------------


def row_of(enrollment: Enrollment, **values) -> dict:
    names = (
        "thinkific_id", "user_id", "product_id", "percentage_completed", "is_free_trial", "activated_at",
        "started_at", "completed_at", "expiry_date", "thinkific_created_at", "removed_at",
    )  # fmt: skip
    row = {name: getattr(enrollment, name) for name in names}
    return row | {"remote_updated_at": NOW, "remote_digest": 1} | values


def test_a_completed_course_is_told_once(ana, accounting):
    enrollment = EnrollmentFactory(user=ana, product=accounting)
    done = row_of(enrollment, completed_at=NOW, percentage_completed=1)
    with events(enrollment__completed=1):
        apply_enrollments([done], source=PULL)
        apply_enrollments([done | {"remote_digest": 2}], source=PULL)
        assert payload()["status"] == "completed"


@pytest.mark.parametrize(
    ("at", "first_load"),
    [(NOW - 2 * DAY, False), (NOW, True), (None, False)],
    ids=["before the endpoint", "of a first load", "not completed"],
)
def test_what_is_no_news_is_not_told(ana, accounting, at, first_load):
    enrollment = EnrollmentFactory.build(user=ana, product=accounting, thinkific_id=5)
    row = row_of(enrollment, completed_at=at) | {"origin": "thinkific", "created_at": NOW}
    with events():
        apply_enrollments([row], source=Source("run", first_load=first_load))
    assert Enrollment.objects.filter(thinkific_id=5).exists()


def test_an_old_endpoint_is_not_told_of_old_facts(ana, accounting):
    WebhookEndpoint.objects.update(listens_since=NOW - 400 * DAY)
    enrollment = EnrollmentFactory(user=ana, product=accounting)
    with events():
        apply_enrollments([row_of(enrollment, completed_at=NOW - 30 * DAY)], source=PULL)


def quiz_row(quiz, user, **values) -> dict:
    return {
        "thinkific_id": 88, "quiz_id": quiz.pk, "user_id": user.pk, "attempts": 1, "correct_count": 8,
        "incorrect_count": 2, "passed": True, "completed_at": NOW, "thinkific_created_at": None,
        "removed_at": None,
    } | values  # fmt: skip


def test_quizzes(ana):
    quiz = QuizFactory()
    with events(quiz__attempted=1):
        apply_quiz_results([quiz_row(quiz, ana)], source=PULL, grades={88: 80})
        assert payload()["grade"] == 80
        assert payload()["attempts"] == 1
    with events():  # the pull tells of the same attempt
        apply_quiz_results(
            [quiz_row(quiz, ana, attempts=None, completed_at=NOW + timedelta(minutes=1))], source=PULL
        )
    with events(quiz__attempted=1):
        apply_quiz_results([quiz_row(quiz, ana, attempts=2)], source=PULL)
    assert QuizResult.objects.count() == 1


def test_certificates(ana, accounting):
    row = {
        "credential_id": "abc", "thinkific_id": 9, "user_id": ana.pk, "product_id": accounting.pk,
        "issued_at": NOW, "expiry_date": None, "url": "https://x.example/abc", "removed_at": None,
    }  # fmt: skip
    with events(certificate__issued=1):
        apply_certificates([row], source=PULL)
        apply_certificates([row], source=PULL)
    assert Certificate.objects.count() == 1


def test_a_first_pull_of_a_site_tells_only_that_it_has_ended(connected, endpoint):
    """The stand-in has completed courses, quiz results and certificates of years."""
    WebhookEndpoint.objects.update(listens_since=NOW - 4000 * DAY)
    for kind in (Kind.PRODUCTS, Kind.USERS, Kind.ENROLLMENTS, Kind.QUIZ_RESULTS, Kind.CERTIFICATES):
        run = carry(kind)
        assert run.status == "succeeded", run.errors
    assert Enrollment.objects.filter(completed_at__isnull=False).exists()
    assert told() == Counter({"sync.completed": 5})
    last = WebhookDelivery.objects.order_by("-pk").first()
    assert last.payload["kind"] == "certificates"
    assert last.payload["status"] == "succeeded"


# --- every event -------------------------------------------------------------------------------------


def test_nothing_is_told_when_the_change_is_rolled_back(alma, ana, accounting):
    gone = ProductFactory(removed_at=NOW)
    with events():
        with pytest.raises(Refusal):
            enrollments.enroll_unchecked(student=ana, products=[accounting, gone], by=alma)
        with pytest.raises(RuntimeError), transaction.atomic():
            enrollments.enroll_unchecked(student=ana, products=[accounting], by=alma)
            assert told()
            raise RuntimeError


def test_an_endpoint_gets_what_it_chose_and_only_while_it_is_on(acme, endpoint):
    chosen = WebhookEndpointFactory(events=["team.created", "seat.updated"])
    other = WebhookEndpointFactory(events=["seat.updated"])
    off = WebhookEndpointFactory(events=["*"], active=False)

    webhooks.emit("team.created", [acme])

    to = WebhookDelivery.objects.values_list("endpoint", "event_id")
    assert {key for key, _ in to} == {endpoint.pk, chosen.pk}
    assert len({event_id for _, event_id in to}) == 1  # one event
    assert not {other.pk, off.pk} & {key for key, _ in to}


@pytest.mark.parametrize("count", [1, 200])
def test_what_nobody_wants_costs_one_query(acme, count):
    WebhookEndpoint.objects.update(events=["user.created"])
    teams_told = [acme] * count
    with CaptureQueriesContext(
        connection,
    ) as queries:
        webhooks.emit("team.created", teams_told)
        webhooks.emit("team.created", [])
        webhooks.emit("team.created", Team.objects.none())
    assert len(queries) == 2  # one for each that could have told something


def test_the_number_of_queries_does_not_depend_on_the_number_of_objects(acme):
    def cost(count: int) -> int:
        rows = [MembershipFactory(team=acme) for _ in range(count)]
        with CaptureQueriesContext(connection) as queries:
            webhooks.emit("membership.created", type(rows[0]).objects.filter(pk__in=[row.pk for row in rows]))
        return len(queries)

    assert cost(2) == cost(30)


def test_an_event_outside_of_its_transaction_is_refused(acme, endpoint):
    with pytest.raises(ValueError, match="not in"):
        webhooks.emit("team.exploded", [acme])


def shape(value):
    """The names in a payload, and the kinds of its values."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else None


def of_each_kind(acme, acme_seat, ana, accounting) -> dict:
    """An event of each kind of object, and the object."""
    enrollment = EnrollmentFactory(user=ana, product=accounting)
    return {
        "user.created": acme.owner,
        "student.deleted": ana,
        "enrollment.created": enrollment,
        "enrollment.completed": enrollment,
        "seat.updated": acme_seat,
        "team.created": acme,
        "membership.created": ana.memberships.get(),
        "quiz.attempted": QuizResult(quiz=QuizFactory(), user=ana),
        "certificate.issued": Certificate(credential_id="x", user=ana, product=accounting),
    }


def test_examples_have_the_fields_of_real_payloads(acme, acme_seat, ana, accounting):
    for name, obj in of_each_kind(acme, acme_seat, ana, accounting).items():
        WebhookDelivery.objects.all().delete()
        webhooks.emit(name, [obj])
        example = dict(EVENTS[name].example)
        found = payload()
        for one in (found, example):
            one.pop("organization", None)
        assert shape(found) == shape(example), name


def test_no_payload_holds_a_secret(acme, acme_seat, ana, accounting):
    hidden = "never-to-be-seen"
    private = {"password": hidden, "custom_profile_fields": [{"value": hidden}], "folded": hidden}
    User.objects.update(**private)
    for one in (ana, acme.owner):
        one.refresh_from_db()
    told_of = of_each_kind(acme, acme_seat, ana, accounting)
    for name, obj in told_of.items():
        webhooks.emit(name, [obj])

    written = [json.dumps(found) for found in WebhookDelivery.objects.values_list("payload", flat=True)]
    assert len(written) == len(told_of)
    assert any(ana.email in one for one in written)
    assert not [one for one in written if hidden in one]
