"""A change of ours that waits is not overwritten by what comes from Thinkific meanwhile, and is sent after
it: for every kind that has such changes, and every way on which anything comes. Of the other kinds nothing
can be changed here at all.
"""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.admin import site as admin_site
from django.utils import timezone

from core.models import (
    BundleItem,
    Certificate,
    Chapter,
    Direction,
    Enrollment,
    GroupMembership,
    Lesson,
    Membership,
    Note,
    OutboxEntry,
    Product,
    Quiz,
    QuizResult,
    SiteSettings,
    Tag,
    ThinkificGroup,
    User,
)
from core.services import directions, groups, memberships, people
from core.services.accounts import deletions
from core.services.accounts.email_changes import change_at_once
from core.services.enrollments import enrollments
from core.services.teams import leaving
from integrations.models import Kind
from tests.factories import TeamFactory, builtin_role
from tests.integrations.thinkific.push.conftest import asked_to_write

pytestmark = pytest.mark.slow  # every kind of change beside every kind of pull

WAYS = ("full", "changes", "webhook")
POLLED = ("full", "changes")  # for what Thinkific has no events of
THEIRS = "2031-01-01T00:00:00Z"


@pytest.fixture
def site(everything):
    """The data of Thinkific; all of it is pulled."""
    return everything


def in_days(days):
    return (timezone.now() + timedelta(days=days)).replace(microsecond=0)


def date(milliseconds):
    return milliseconds and datetime.fromtimestamp(milliseconds / 1000, UTC)


@pytest.fixture
def in_step_after(push, pull, thinkific):
    """Send the waiting changes. Afterwards both sides agree, and what comes back changes nothing."""

    def carry(kind, *objects) -> None:
        assert OutboxEntry.objects.unsent().exists()
        push()
        assert not OutboxEntry.objects.unsent().exists(), OutboxEntry.objects.first().error
        before = [values(one) for one in objects]
        thinkific.reset_stats()
        for full in (False, True):
            run = pull(kind, full=full)
            assert (run.created, run.updated, run.removed) == (0, 0, 0)
        assert [values(one) for one in objects] == before
        assert push() == {}
        assert asked_to_write(thinkific) == []

    return carry


BOOKKEEPING = ("last_synced_at", "synced_at", "updated_at", "remote_digest", "remote_updated_at")


def values(instance):
    row = type(instance)._default_manager.filter(pk=instance.pk).values().get()
    return {name: value for name, value in row.items() if name not in BOOKKEEPING}


# --- people ------------------------------------------------------------------------------------------------


@pytest.fixture
def person(site):
    return User.objects.get(thinkific_id=site.users.listing[5].id)


OURS = {"first_name": "Ours", "last_name": "Own", "email": "ours@people.example"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("same", [True, False], ids=["of the same field", "of another field"])
def test_a_field_of_a_person(site, person, bring, in_step_after, name, same):
    others = {"first_name": "Theirs", "last_name": "Too", "email": "theirs@people.example"}
    theirs = {field: value for field, value in others.items() if (field == name) is same}
    if name == "email":
        change_at_once(person, OURS[name], by=None, reason="corrected")
    else:
        people.update_user(person, **{name: OURS[name]})
    site.write("update_user", user_id=person.thinkific_id, fields=theirs)

    bring(Kind.USERS)

    person.refresh_from_db()
    assert getattr(person, name) == OURS[name]
    assert {f: getattr(person, f) for f in theirs if f != name} == {
        f: v for f, v in theirs.items() if f != name
    }
    in_step_after(Kind.USERS, person)
    assert getattr(site.users[person.thinkific_id], name) == OURS[name]


@pytest.mark.parametrize("way", WAYS)
def test_a_person_who_has_no_account_there_yet(site, bring, in_step_after):
    new = people.create_user(email="new@people.example", first_name="Nia", last_name="New")
    site.write("update_user", user_id=site.users.listing[6].id, fields={"first_name": "Theirs"})
    before = values(new)

    bring(Kind.USERS)

    assert values(new) == before
    in_step_after(Kind.USERS, new)
    assert site.user_by_email("new@people.example").first_name == "Nia"


WITH_PEOPLE = (Kind.USERS, Kind.ENROLLMENTS, Kind.GROUPS, Kind.QUIZ_RESULTS, Kind.CERTIFICATES)


@pytest.mark.parametrize(
    ("kind", "way"), [*((kind, way) for kind in WITH_PEOPLE for way in POLLED), (Kind.USERS, "webhook")]
)
def test_a_person_who_is_to_be_deleted_there(site, person, bring, kind, pull, push):
    SiteSettings.objects.update(delete_students=True, delete_users=True)
    number = person.thinkific_id
    deletions.delete(person, confirmed=deletions.describe(person))
    site.write("update_user", user_id=number, fields={"first_name": "Theirs"})
    for enrollment in site.enrollments_of[number]:
        site.write("move_progress", enrollment_id=enrollment.id, percent=100)
        quiz = site.quizzes.listing[0]["id"]
        site.write("attempt_quiz", enrollment_id=enrollment.id, quiz_id=quiz, correct=1)
    site.write("add_members", user_ids=[number], group_ids=[g["id"] for g in site.groups])

    bring(kind)

    assert not User.objects.filter(thinkific_id=number).exists()
    push()
    assert number not in site.users
    assert pull(kind).status == "succeeded"
    assert not User.objects.filter(thinkific_id=number).exists()


@pytest.mark.parametrize("way", WAYS)
def test_what_only_the_dashboard_knows_of_a_person(site, person, bring, push, alma):
    team = TeamFactory(name="Acme")
    memberships.add_member(team=team, user=person, role=builtin_role("manager"))
    person.tags.add(Tag.objects.create(name="vip"))
    Note.objects.create(user=person, author=alma, text="Calls on Mondays")
    people.update_user(person, is_active=False)
    site.write("update_user", user_id=person.thinkific_id, fields={"first_name": "Theirs"})

    bring(Kind.USERS)

    person.refresh_from_db()
    assert (person.first_name, person.is_active) == ("Theirs", False)
    assert person.memberships.get().role.code == "manager"
    assert [tag.name for tag in person.tags.all()] == ["vip"]
    assert person.notes.get().text == "Calls on Mondays"
    assert push() == {}


# --- enrollments -------------------------------------------------------------------------------------------


@pytest.fixture
def newcomer(site, pull):
    """A person with a Thinkific account and without enrollments."""
    user = site.write("create_user", fields={"email": "h@x.example", "first_name": "H", "last_name": "X"})
    pull("users")
    return User.objects.get(thinkific_id=user.id)


@pytest.fixture
def course(site):
    """An active enrollment in a course that did not come through a bundle."""
    row = Enrollment.objects.filter(
        thinkific_id__isnull=False, via_bundle=None, completed_at=None, activated_at__isnull=False
    ).exclude(user__enrollments__product__productable_type="Bundle")
    return row.filter(expiry_date=None).order_by("pk").first()


@pytest.fixture
def holder(site, newcomer, pull):
    """A bundle enrollment."""
    dates = {"activated_at": "2026-01-01T00:00:00Z", "expiry_date": THEIRS}
    bundle = site.bundles.listing[0]["id"]
    site.write("hold_bundle", bundle_id=bundle, user_id=newcomer.thinkific_id, dates=dates)
    pull("enrollments")
    return Enrollment.objects.get(user=newcomer, product__productable_type="Bundle")


def move(site, enrollment):
    """Change the progress and the end date in Thinkific."""
    rows = enrollment.course_enrollments.all() if enrollment.product.is_bundle else [enrollment]
    for row in rows:
        number = row.thinkific_id
        site.write("set_dates", enrollment_id=number, dates={"expiry_date": "2032-02-02T00:00:00Z"})
        site.write("move_progress", enrollment_id=number, percent=66)


def ends_there(site, enrollment):
    rows = enrollment.course_enrollments.all() if enrollment.product.is_bundle else [enrollment]
    (end,) = {date(site.enrollments[row.thinkific_id].expiry_date) for row in rows}
    return end


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("held", ["course", "holder"], ids=["course", "bundle"])
@pytest.mark.parametrize("days", [30, None, 0], ids=["later", "no end", "ended"])
def test_the_end_of_an_enrollment(site, request, held, days, bring, in_step_after):
    enrollment = request.getfixturevalue(held)
    enrollments.change_expiry([enrollment], expiry_date=in_days(40))
    if days == 0:
        enrollments.expire([enrollment])
    else:
        enrollments.change_expiry([enrollment], expiry_date=days and in_days(days))
    enrollment.refresh_from_db()
    ours = enrollment.expiry_date
    move(site, enrollment)

    bring(Kind.ENROLLMENTS)

    enrollment.refresh_from_db()
    assert (enrollment.expiry_date, enrollment.push_state) == (ours, "pending")
    assert float(enrollment.percentage_completed) == 0.66
    in_step_after(Kind.ENROLLMENTS, enrollment, *enrollment.course_enrollments.all())
    assert ends_there(site, enrollment) == ours


@pytest.mark.parametrize("way", WAYS)
def test_an_enrollment_that_is_opened_again(site, course, push, bring, in_step_after):
    enrollments.expire([course])
    push()
    ours = in_days(30)
    enrollments.enroll_unchecked(student=course.user, products=[course.product], expiry_date=ours)
    site.write("move_progress", enrollment_id=course.thinkific_id, percent=66)

    bring(Kind.ENROLLMENTS)

    course.refresh_from_db()
    assert (course.expiry_date, course.status) == (ours, "active")
    in_step_after(Kind.ENROLLMENTS, course)
    assert ends_there(site, course) == ours


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("there_too", [False, True], ids=["not there", "made there as well"])
@pytest.mark.parametrize("what", ["course", "bundle"])
def test_an_enrollment_that_is_not_there_yet(site, newcomer, bring, in_step_after, what, there_too):
    products = Product.objects.filter(productable_type=what.capitalize(), source="rest")
    if what == "course":
        products = products.filter(in_bundles__isnull=True)
    product = products.exclude(enrollments__user=newcomer).first()
    ours = in_days(30)
    [enrollment] = enrollments.enroll_unchecked(student=newcomer, products=[product], expiry_date=ours)
    number = product.productable_id
    dates = {"activated_at": "2026-01-01T00:00:00Z", "expiry_date": THEIRS}
    if there_too and what == "bundle":
        site.write("hold_bundle", bundle_id=number, user_id=newcomer.thinkific_id, dates=dates)
    elif there_too:
        site.write("enroll", user_id=newcomer.thinkific_id, course_id=number, dates=dates)
    else:
        other = next(e for e in site.enrollments if e.user_id != newcomer.thinkific_id)
        site.write("move_progress", enrollment_id=other.id, percent=77)

    bring(Kind.ENROLLMENTS)

    enrollment.refresh_from_db()
    assert (enrollment.expiry_date, enrollment.removed_at) == (ours, None)
    in_step_after(Kind.ENROLLMENTS, enrollment)
    enrollment.refresh_from_db()
    assert ends_there(site, enrollment) == ours
    if what == "course":
        assert len(site.enrollments_for(newcomer.thinkific_id, number)) == 1


# --- groups ------------------------------------------------------------------------------------------------


@pytest.fixture
def group(site, pull, push):
    """A group in Thinkific with members, which a team pushes to and pulls from."""
    number = site.write("create_group", name="Acme people")["id"]
    site.write("add_members", user_ids=[u.id for u in site.users.listing[10:13]], group_ids=[number])
    pull("groups")
    group = ThinkificGroup.objects.get(name="Acme people")
    groups.assign(group=group, team=TeamFactory(name="Acme"), direction=Direction.BIDIRECTIONAL)
    SiteSettings.objects.update(mirror_group_removals=True, default_team=TeamFactory(name="Everybody"))
    push()
    pull("groups")
    return group


def stir(site, group):
    """Add a member to the group in Thinkific, and remove another."""
    *_, leaves = site.members[group.thinkific_id]
    site.write("add_members", user_ids=[site.users.listing[20].id], group_ids=[group.thinkific_id])
    site.write("remove_from_groups", user_ids=[leaves], group_ids=[group.thinkific_id])


@pytest.mark.parametrize("way", POLLED)
@pytest.mark.parametrize("there_too", [False, True], ids=["not there", "made there as well"])
def test_a_group_that_is_not_there_yet(site, bring, in_step_after, there_too):
    new = groups.create(name="Ours")
    site.write("create_group", name="Ours" if there_too else "Theirs")

    bring(Kind.GROUPS)

    assert ThinkificGroup.objects.get(name="Ours").pk == new.pk
    assert ThinkificGroup.objects.get(pk=new.pk).removed_at is None
    in_step_after(Kind.GROUPS, new)
    assert [g["name"] for g in site.groups].count("Ours") == 1


@pytest.mark.parametrize("way", POLLED)
def test_who_was_put_into_a_group(site, group, person, bring, in_step_after):
    team = group.assignments.get().team
    memberships.add_member(team=team, user=person, role=builtin_role("student"))
    stir(site, group)

    bring(Kind.GROUPS)

    membership = GroupMembership.objects.get(group=group, user=person)
    assert (membership.removed_at, membership.push_state) == (None, "pending")
    assert Membership.objects.filter(team=team, user=person).exists()
    in_step_after(Kind.GROUPS, membership)
    assert person.thinkific_id in site.members[group.thinkific_id]


@pytest.mark.parametrize("way", POLLED)
def test_who_was_taken_out_of_a_group(site, group, bring, in_step_after):
    team = group.assignments.get().team
    leaves = Membership.objects.filter(team=team, role__code="student").order_by("pk").first()
    user = leaves.user
    leaving.remove_members(team=leaves.team, users=[leaves.user])
    stir(site, group)

    bring(Kind.GROUPS)

    membership = GroupMembership.objects.get(group=group, user=user)
    assert membership.removed_at is not None
    assert not Membership.objects.filter(team=team, user=user).exists()
    in_step_after(Kind.GROUPS, membership)
    assert user.thinkific_id not in site.members[group.thinkific_id]
    assert not Membership.objects.filter(team=team, user=user).exists()


# --- the other kinds: nothing of them is ours --------------------------------------------------------------

READ_ONLY = {
    Kind.PRODUCTS: (Product, BundleItem),
    Kind.CONTENT: (Chapter, Lesson, Quiz),
    Kind.QUIZ_RESULTS: (QuizResult,),
    Kind.CERTIFICATES: (Certificate,),
}


@pytest.mark.parametrize("kind", READ_ONLY)
def test_nothing_of_this_kind_can_be_changed_here_or_is_sent(root, rf, kind):
    request = rf.get("/")
    request.user = root
    for model in READ_ONLY[kind]:
        assert not issubclass(model, directions.PUSHED)
        assert not directions.owned_fields(model._meta.model_name)
        assert directions.pushed([model()]) == []
        screen = admin_site._registry.get(model)
        if screen is not None:
            assert not screen.has_add_permission(request)
            assert not screen.has_change_permission(request)
            assert not screen.has_delete_permission(request)


def test_every_kind_is_one_or_the_other():
    """Fails when a kind or a sent model is added without tests of its unsent changes here."""
    assert {User, Enrollment, ThinkificGroup, GroupMembership} == set(directions.PUSHED)
    ours = {Kind.USERS, Kind.ENROLLMENTS, Kind.GROUPS}
    assert ours | set(READ_ONLY) == set(Kind) - {Kind.RECONCILIATION, Kind.REPAIR}
