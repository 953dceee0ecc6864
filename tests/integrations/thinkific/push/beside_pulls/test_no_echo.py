"""What comes from Thinkific never goes back there: for every kind, and every way on which it comes."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from core.models import (
    Certificate,
    Chapter,
    Direction,
    Enrollment,
    GroupMembership,
    Membership,
    OutboxEntry,
    Product,
    QuizResult,
    SiteSettings,
    ThinkificGroup,
    User,
)
from core.services import groups
from integrations.models import PULLED, Kind
from tests.factories import TeamFactory
from tests.integrations.thinkific.push.conftest import asked_to_write

DATES = {"activated_at": "2026-01-01T00:00:00Z", "expiry_date": "2031-05-06T07:08:09Z"}
NEW = {"email": "new@people.example", "first_name": "Nia", "last_name": "New"}


class Change(NamedTuple):
    """Adds, changes and deletes something in Thinkific; and says whether it is stored here."""

    make: Callable
    is_here: Callable[..., bool]


def change_people(site):
    changed, gone = site.users.listing[3], site.users.listing[4]
    site.write("create_user", fields=NEW)
    fields = {"first_name": "Theirs", "last_name": "Too", "email": "theirs@people.example"}
    site.write("update_user", user_id=changed.id, fields=fields)
    site.write("delete_user", user_id=gone.id)


def people_are_here(site):
    theirs = User.objects.filter(email="theirs@people.example", first_name="Theirs", last_name="Too")
    return theirs.exists() and User.objects.filter(email=NEW["email"]).exists()


def change_products(site):
    site.write("rename_course", course_id=site.courses.listing[0]["id"], name="Renamed there")
    site.write("add_course", name="Added there")
    site.write("delete_course", course_id=site.courses.listing[1]["id"])


def products_are_here(site):
    names = set(Product.objects.filter(removed_at=None).values_list("name", flat=True))
    return {"Renamed there", "Added there"} <= names and Product.objects.exclude(removed_at=None).exists()


def change_content(site):
    course = site.courses.listing[0]
    renamed = course["chapter_ids"][1]
    site.write("put", kind="chapters", row={"id": renamed, "name": "Renamed there"})
    site.write("put", kind="courses", row={"id": course["id"], "chapter_ids": course["chapter_ids"][1:]})


def content_is_here(site):
    renamed = Chapter.objects.filter(name="Renamed there")
    return renamed.exists() and Chapter.objects.exclude(removed_at=None).exists()


def change_enrollments(site):
    running = [e for e in site.enrollments.listing if e.completed_at is None and e.activated_at]
    site.write("set_dates", enrollment_id=running[0].id, dates=DATES)
    site.write("move_progress", enrollment_id=running[0].id, percent=97)
    site.write("move_progress", enrollment_id=running[1].id, percent=100)
    newcomer = site.write("create_user", fields=NEW)
    bundle = site.bundles.listing[0]["id"]
    site.write("hold_bundle", bundle_id=bundle, user_id=newcomer.id, dates=DATES)


def enrollments_are_here(site):
    moved = Enrollment.objects.filter(percentage_completed="0.97", expiry_date__year=2031)
    bought = Enrollment.objects.filter(user__email=NEW["email"], product__productable_type="Bundle")
    return moved.exists() and bought.exists()


def change_groups(site):
    """Change the members of a group that a team also pushes to."""
    group = site.group_named("Ours too")["id"]
    leaves = next(iter(site.members[group]))
    comes = next(u.id for u in site.users if u.id not in site.members[group])
    site.write("add_members", user_ids=[comes], group_ids=[group])
    site.write("remove_from_groups", user_ids=[leaves], group_ids=[group])
    site.write("create_group", name="Made there")


def groups_are_here(site):
    theirs = set(site.members[site.group_named("Ours too")["id"]])
    group = ThinkificGroup.objects.get(name="Ours too")
    here = group.memberships.filter(removed_at=None).values_list("user__thinkific_id", flat=True)
    team = Membership.objects.filter(team__name="Acme", role__code="student")
    return set(here) == set(team.values_list("user__thinkific_id", flat=True)) == theirs


def change_results(site):
    theirs = site.submissions.listing[0]
    enrollment = site.enrollments_of[theirs.user_id][0]
    site.write("attempt_quiz", enrollment_id=enrollment.id, quiz_id=theirs.quiz_id, correct=0)
    site.write("attempt_quiz", enrollment_id=enrollment.id, quiz_id=site.quizzes.listing[-1]["id"], correct=1)


def results_are_here(site):
    theirs = site.submissions.listing[0]
    return QuizResult.objects.get(thinkific_id=theirs.id).attempts == theirs.attempts


def change_certificates(site):
    certified = {c["id"] for c in site.courses if site.products[c["product_id"]]["has_certificate"]}
    rows = [e for e in site.enrollments if e.course_id in certified and e.completed_at is None]
    site.write("move_progress", enrollment_id=rows[0].id, percent=100)


def certificates_are_here(site):
    return Certificate.objects.count() == len(site.certificates)


CHANGES = {
    Kind.USERS: Change(change_people, people_are_here),
    Kind.PRODUCTS: Change(change_products, products_are_here),
    Kind.CONTENT: Change(change_content, content_is_here),
    Kind.ENROLLMENTS: Change(change_enrollments, enrollments_are_here),
    Kind.GROUPS: Change(change_groups, groups_are_here),
    Kind.QUIZ_RESULTS: Change(change_results, results_are_here),
    Kind.CERTIFICATES: Change(change_certificates, certificates_are_here),
}
SILENT = {Kind.CONTENT, Kind.GROUPS}  # Thinkific has no events of them
WAYS = [
    (kind, way)
    for kind in CHANGES
    for way in ("full", "changes", "webhook")
    if way != "webhook" or kind not in SILENT
]


@pytest.fixture
def site(everything, pull):
    """The data of Thinkific; all of it is pulled. As much as possible is set to be sent: a team pushes to a
    group and is the default team; deletions and removals are allowed."""
    number = everything.write("create_group", name="Ours too")["id"]
    everything.write(
        "add_members", user_ids=[u.id for u in everything.users.listing[5:9]], group_ids=[number]
    )
    pull("groups")
    team = TeamFactory(name="Acme")
    group = ThinkificGroup.objects.get(name="Ours too")
    groups.assign(group=group, team=team, direction=Direction.BIDIRECTIONAL)
    OutboxEntry.objects.all().delete()
    GroupMembership.objects.exclude(push_state="clean").delete()
    pull("groups")
    SiteSettings.objects.update(
        default_team=TeamFactory(name="Everybody"),
        mirror_group_removals=True,
        delete_students=True,
        delete_users=True,
        deletion_guard_percent=100,
    )
    return everything


def test_no_kind_is_left_out():
    assert tuple(CHANGES) == PULLED


@pytest.mark.parametrize(("kind", "way"), WAYS)
def test_what_changed_in_thinkific_causes_no_push(site, bring, push, thinkific, kind, way):
    change, is_here = CHANGES[kind]
    change(site)
    assert not is_here(site)
    thinkific.reset_stats()

    bring(kind)

    assert is_here(site)
    assert not OutboxEntry.objects.exists()
    assert not Enrollment.objects.exclude(push_state="clean").exists()
    assert not GroupMembership.objects.exclude(push_state="clean").exists()
    assert push() == {}
    assert asked_to_write(thinkific) == []


@pytest.mark.parametrize("kind", CHANGES)
def test_nor_does_pulling_it_a_second_time(site, pull, push, thinkific, kind):
    CHANGES[kind].make(site)
    thinkific.reset_stats()

    for full in (True, True, False, False):
        assert pull(kind, full=full).status == "succeeded"

    assert not OutboxEntry.objects.exists()
    assert push() == {}
    assert asked_to_write(thinkific) == []
