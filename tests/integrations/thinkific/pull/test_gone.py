"""Rows that are gone from Thinkific are marked as removed and never deleted."""

import pytest

from core.models import (
    Certificate,
    Enrollment,
    Product,
    QuizResult,
    SiteSettings,
    ThinkificGroup,
    User,
)
from tests.factories import GroupAssignmentFactory, TeamFactory
from tests.integrations.thinkific.pull.conftest import SIXTY, removed

pytestmark = pytest.mark.django_db
SCALE = SIXTY


def test_a_person_who_is_deleted_is_marked_and_keeps_account_and_history(pull, site):
    user = User.objects.get(thinkific_id=90020)
    site.write("delete_user", user_id=90020)

    run = pull("users")

    user.refresh_from_db()
    assert (run.status, run.removed) == ("succeeded", 1)
    assert user.removed_at is not None
    assert user.is_active
    assert user.history.latest().history_change_reason == f"Thinkific, run {run.pk}"
    assert removed(User).count() == 1


def test_who_comes_back_is_no_longer_marked(pull, site):
    kept = site.users[90020]
    site.write("remove", kind="users", row_ids=[90020])
    pull("users")
    assert removed(User).get().thinkific_id == 90020

    site.users.add(90020, kept)
    run = pull("users")

    assert not removed(User).exists()
    assert run.updated == 1


def test_a_person_created_again_with_the_same_address_has_the_same_account(pull, site):
    user = User.objects.get(thinkific_id=90020)
    site.write("delete_user", user_id=90020)
    number = site.write(
        "put", kind="users", row={"email": user.email, "first_name": "Back", "last_name": "Again"}
    )

    run = pull("users")

    user.refresh_from_db()
    assert (run.status, run.errors) == ("succeeded", [])
    assert (user.thinkific_id, user.name, user.removed_at) == (number, "Back Again", None)


def test_an_enrollment_that_vanishes_is_marked_with_history_and_can_come_back(pull, site):
    theirs = next(e for e in site.enrollments if e.user_id not in site.holders[site.bundles.listing[0]["id"]])
    site.write("remove", kind="enrollments", row_ids=[theirs.id])

    run = pull("enrollments")

    ours = Enrollment.objects.get(thinkific_id=theirs.id)
    assert (run.removed, ours.status) == (1, "removed")
    assert ours.history.latest().removed_at is not None
    assert removed(Enrollment).count() == 1

    site.write(
        "put",
        kind="enrollments",
        row={"id": theirs.id, "user_id": theirs.user_id, "course_id": theirs.course_id},
    )
    pull("enrollments")
    assert not removed(Enrollment).exists()


def test_who_no_longer_holds_a_bundle_keeps_the_courses_that_thinkific_lists(pull, site):
    bundle = site.bundles.listing[0]["id"]
    user = next(iter(site.holders[bundle]))
    courses = Enrollment.objects.filter(user__thinkific_id=user, thinkific_id__isnull=False)
    held = Enrollment.objects.get(user__thinkific_id=user, product__productable_type="Bundle")
    assert held.course_enrollments.exists()
    del site.holders[bundle][user]
    site.version += 1

    pull("enrollments")

    held.refresh_from_db()
    assert held.removed_at is not None
    assert not held.course_enrollments.exists()
    assert courses.filter(removed_at=None).count() == courses.count()

    site.holders[bundle][user] = None
    site.version += 1
    pull("enrollments")
    held.refresh_from_db()
    assert held.removed_at is None
    assert held.course_enrollments.exists()


def test_a_product_that_vanishes_is_marked(pull, site):
    gone = site.products.listing[2]["id"]
    site.write("remove", kind="products", row_ids=[gone])

    run = pull("products")

    assert (run.status, run.removed) == ("succeeded", 1)
    assert [p.thinkific_id for p in removed(Product)] == [gone]


def test_as_many_products_that_vanish_as_the_new_builder_has_are_marked(pull, site):
    gone = [row["id"] for row in site.products.listing[2:4]]
    assert len(gone) == Product.objects.filter(source=Product.Source.GRAPHQL).count()
    SiteSettings.objects.update(deletion_guard_percent=50)
    site.write("remove", kind="products", row_ids=gone)

    run = pull("products")

    assert (run.status, run.removed) == ("succeeded", 2)
    assert {p.thinkific_id for p in removed(Product)} == set(gone)


def test_a_removed_row_that_cannot_be_read_hides_no_other(pull, site):
    site.write("remove", kind="users", row_ids=[90020])
    kept = User.objects.get(thinkific_id=90020)
    pull("users")
    site.write("put", kind="users", row={"id": 90020, "email": None})
    site.write("delete_user", user_id=90021)

    run = pull("users")

    assert (run.failed, run.removed) == (1, 1)
    assert {u.thinkific_id for u in removed(User)} == {90020, 90021}
    assert User.objects.get(pk=kept.pk).email == kept.email


def test_courses_of_the_new_builder_are_not_missed_in_rest(pull, site):
    assert pull("products").status == "succeeded"

    assert not removed(Product).exists()


def test_a_group_that_vanishes_is_marked(pull, site):
    gone = site.groups.listing[-1]["id"]
    site.write("delete_group", group_id=gone)

    pull("groups")

    assert [g.thinkific_id for g in removed(ThinkificGroup)] == [gone]


def test_results_and_certificates_that_vanish_are_marked(pull, site):
    result, certificate = site.submissions.listing[0].id, site.certificates.listing[0]
    site.submissions.remove(result)
    site.certificates.remove(certificate.id)
    site.version += 1

    pull("quiz_results")
    pull("certificates")

    assert [r.thinkific_id for r in removed(QuizResult)] == [result]
    assert [c.credential_id for c in removed(Certificate)] == [certificate.issued_id]


def test_teams_keep_who_left_a_group_unless_the_setting_says_otherwise(pull, site):
    group = ThinkificGroup.objects.first()
    keeps, follows = TeamFactory(name="Keeps"), TeamFactory(name="Follows")
    GroupAssignmentFactory(group=group, team=keeps, direction="dashboard_to_thinkific")
    GroupAssignmentFactory(group=group, team=follows, direction="bidirectional")
    pull("groups")
    leaver, other = list(site.members[group.thinkific_id])[:2]
    site.write("remove_from_groups", user_ids=[leaver], group_ids=[group.thinkific_id])

    pull("groups")
    assert follows.memberships.filter(user__thinkific_id=leaver).exists()

    SiteSettings.objects.update(mirror_group_removals=True)
    site.write("remove_from_groups", user_ids=[other], group_ids=[group.thinkific_id])
    pull("groups")
    assert not follows.memberships.filter(user__thinkific_id=other).exists()
    assert not keeps.memberships.exclude(user=keeps.owner).exists()
