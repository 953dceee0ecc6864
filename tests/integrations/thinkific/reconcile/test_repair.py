"""Repairs: what a person chose is done, unless the report is no longer true."""

from datetime import UTC, datetime

import pytest

from core.errors import Refusal
from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    OutboxEntry,
    Product,
    SiteSettings,
    ThinkificGroup,
    User,
)
from core.processes import this_process
from core.services.people import update_user
from integrations.models import Drift, DriftKind, Kind, SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.reconcile import repair
from integrations.thinkific.runs import lifecycle
from tests.factories import TeamFactory
from tests.integrations.thinkific.reconcile.conftest import drifts, numbers

pytestmark = pytest.mark.django_db(transaction=True)
K = DriftKind
UNTIL = datetime(2031, 5, 4, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def fix(root):
    """`fix("push", kind)` repairs all rows of a kind, as a person and a worker do. Returns the rows."""

    def work(choice, kind) -> list[Drift]:
        rows = Drift.objects.filter(
            report__kind=kind, report__run=SyncRun.objects.filter(kind="reconciliation").first()
        )
        started = repair.start(rows, choice=choice, by=root)
        run = lifecycle.claim(started.run_id, worker=this_process())
        assert carry_out(run) == "succeeded", SyncRun.objects.get(pk=run.pk).errors
        return list(Drift.objects.filter(pk__in=rows.values("pk")))

    return work


@pytest.fixture
def ana(site) -> User:
    """A person who exists on both sides."""
    return User.objects.filter(thinkific_id__isnull=False).order_by("pk").first()


@pytest.fixture
def enrollment(site) -> Enrollment:
    return Enrollment.objects.filter(thinkific_id__isnull=False, via_bundle=None).order_by("pk").first()


def test_pushing_ours_changes_thinkific(compare, fix, push, site, ana, enrollment, root):
    User.objects.filter(pk=ana.pk).update(first_name="Ours")
    Enrollment.objects.filter(pk=enrollment.pk).update(expiry_date=UNTIL)
    compare()

    (person,), (held,) = fix("push", K.USERS), fix("push", K.ENROLLMENTS)
    push()

    assert site.users[ana.thinkific_id].first_name == "Ours"
    assert site.enrollments[enrollment.thinkific_id].expiry_date == UNTIL.timestamp() * 1000
    assert (person.state, held.state) == ("pushed", "pushed")
    assert person.repaired_by == root and person.repaired_at
    assert not OutboxEntry.objects.unsent().exists()
    assert {report.drifted for report in compare().values()} == {0}


def test_taking_theirs_changes_the_dashboard_and_sends_nothing(
    compare, fix, push, site, ana, enrollment, writes
):
    theirs = enrollment.expiry_date
    User.objects.filter(pk=ana.pk).update(first_name="Ours", company="Ours")
    Enrollment.objects.filter(pk=enrollment.pk).update(expiry_date=UNTIL)
    compare()

    (person,), (held,) = fix("take", K.USERS), fix("take", K.ENROLLMENTS)
    push()

    before = ana.first_name, ana.company
    ana.refresh_from_db()
    enrollment.refresh_from_db()
    assert (ana.first_name, ana.company) == before
    assert enrollment.expiry_date == theirs
    assert (person.state, held.state) == ("taken", "taken")
    assert writes() == []
    assert not OutboxEntry.objects.exists()
    assert {report.drifted for report in compare().values()} == {0}


def test_what_agrees_meanwhile_is_left_alone(compare, fix, site, ana, writes):
    User.objects.filter(pk=ana.pk).update(first_name="Ours")
    compare()
    User.objects.filter(pk=ana.pk).update(first_name=ana.first_name)

    (row,) = fix("push", K.USERS)

    assert row.state == "in_step"
    assert not OutboxEntry.objects.exists()
    assert writes() == []


def test_what_thinkific_alone_decides_is_taken_as_it_is_by_now(compare, fix, site, ana):
    User.objects.filter(pk=ana.pk).update(company="Ours")
    compare()
    site.write("put", kind="users", row={"id": ana.thinkific_id, "company": "Newer"})

    fix("take", K.USERS)

    ana.refresh_from_db()
    assert ana.company == "Newer"


@pytest.mark.parametrize("choice", ["push", "take"])
@pytest.mark.parametrize("side", ["here", "in Thinkific"])
def test_a_value_that_moved_since_the_report_is_not_overwritten(
    compare, fix, push, site, ana, writes, choice, side
):
    theirs = ana.first_name
    User.objects.filter(pk=ana.pk).update(first_name="Ours")
    compare()
    if side == "here":
        User.objects.filter(pk=ana.pk).update(first_name="Newer")
    else:
        site.write("put", kind="users", row={"id": ana.thinkific_id, "first_name": "Newer"})

    (row,) = fix(choice, K.USERS)

    ana.refresh_from_db()
    assert row.state == "refused"
    for value in ("“Ours” here", f"“{theirs}” in Thinkific", "“Newer”"):
        assert value in row.outcome
    assert ana.first_name == ("Newer" if side == "here" else "Ours")
    assert not OutboxEntry.objects.exists() and writes() == []
    # The row shows what is so now, and that can be decided.
    assert "Newer" in row.differences[0].values()
    (row,) = fix(choice, K.USERS)
    assert row.state in ("pushed", "taken")


def test_who_was_deleted_in_thinkific_since_the_report_is_not_made_anew(compare, fix, site, ana, writes):
    User.objects.filter(pk=ana.pk).update(first_name="Ours")
    compare()
    site.write("delete_user", user_id=ana.thinkific_id)

    (row,) = fix("push", K.USERS)

    assert (row.state, row.sort) == ("refused", "only_here")
    assert "It was “Differs” when it was shown, and is “Only here” now" in row.outcome
    assert not OutboxEntry.objects.exists() and writes() == []


def test_a_change_made_after_the_report_is_not_overwritten(compare, fix, site, ana):
    User.objects.filter(pk=ana.pk).update(first_name="Ours")
    compare()
    update_user(ana, last_name="Unsent")

    (row,) = fix("take", K.USERS)

    ana.refresh_from_db()
    assert (ana.last_name, row.state) == ("Unsent", "refused")
    assert "waits to be sent" in row.outcome
    assert OutboxEntry.objects.unsent().count() == 1


def test_who_exists_only_here_gets_an_account_or_cannot_be_taken(compare, fix, push, site):
    new = User.objects.create_user("never@sent.example", first_name="Never", last_name="Sent")
    compare()

    with pytest.raises(Refusal, match="Nothing of this can be repaired"):
        fix("take", K.USERS)
    fix("push", K.USERS)
    push()

    new.refresh_from_db()
    assert site.users[new.thinkific_id].email == "never@sent.example"


def test_who_was_deleted_in_thinkific_is_marked_or_made_again(compare, fix, push, site):
    first, second = User.objects.filter(thinkific_id__isnull=False).order_by("-pk")[:2]
    site.write("delete_user", user_id=first.thinkific_id)
    compare()
    fix("take", K.USERS)
    first.refresh_from_db()
    assert first.removed_at

    number = second.thinkific_id
    site.write("delete_user", user_id=number)
    compare()
    fix("push", K.USERS)
    push()

    second.refresh_from_db()
    assert second.thinkific_id not in (None, number)
    assert site.users[second.thinkific_id].email == second.email


def test_what_only_thinkific_has_is_stored_and_never_deleted_there(compare, fix, site, writes):
    new = site.write("put", kind="users", row={"email": "new@there.example"})
    compare()

    with pytest.raises(Refusal):
        fix("push", K.USERS)
    fix("take", K.USERS)

    assert User.objects.get(email="new@there.example").thinkific_id == new
    assert writes() == []


def test_members_follow_the_direction_of_the_group(compare, fix, push, site, root):
    group = ThinkificGroup.objects.first()
    outsider = User.objects.filter(thinkific_id__isnull=False).exclude(group_memberships__group=group).first()
    planted = GroupMembership.objects.create(group=group, user=outsider)
    compare()
    with pytest.raises(Refusal):
        fix("push", K.MEMBERS)

    team = TeamFactory(owner=root)
    GroupAssignment.objects.create(group=group, team=team, direction="dashboard_to_thinkific")
    fix("push", K.MEMBERS)
    push()

    planted.refresh_from_db()
    assert planted.push_state == "clean"
    assert {kind: report.drifted for kind, report in compare().items() if report.drifted} == {}, drifts(
        K.MEMBERS
    )


def test_taking_somebody_out_of_a_group_is_intent_and_needs_no_setting(compare, fix, push, site, root):
    member = GroupMembership.objects.first()
    team = TeamFactory(owner=root)
    GroupAssignment.objects.create(group=member.group, team=team, direction="bidirectional")
    GroupMembership.objects.filter(pk=member.pk).update(removed_at="2026-01-01T00:00:00Z")
    compare()
    assert not SiteSettings.load().mirror_group_removals

    fix("push", K.MEMBERS)
    push()

    assert numbers(compare()[K.MEMBERS]).keys() == {"in_step"}


@pytest.mark.parametrize("kind", [K.PRODUCTS, K.CONTENT, K.QUIZ_RESULTS, K.CERTIFICATES])
def test_what_comes_from_thinkific_only_can_be_taken_and_not_pushed(kind, compare, fix, site, writes):
    course = Product.objects.filter(productable_type="Course", source="rest").first()
    if kind == K.PRODUCTS:
        Product.objects.filter(pk=course.pk).update(name="Ours")
        Product.objects.bundles().get().bundle_items.first().delete()
    elif kind == K.CONTENT:
        course.chapters.update(name="Ours")
    elif kind == K.QUIZ_RESULTS:
        User.objects.filter(quiz_results__isnull=False).first().quiz_results.update(attempts=99)
    else:
        User.objects.filter(certificates__isnull=False).first().certificates.all().delete()
    compare()
    assert drifts(kind)

    with pytest.raises(Refusal):
        fix("push", kind)
    rows = fix("take", kind)

    assert {row.state for row in rows} == {"taken"}
    assert {report.drifted for report in compare().values()} == {0}
    assert writes() == []


def test_rows_of_a_run_that_was_cancelled_are_open_again(compare, site, ana, root):
    User.objects.filter(pk=ana.pk).update(first_name="Ours")
    compare()
    started = repair.start(Drift.objects.all(), choice="push", by=root)
    lifecycle.cancel(SyncRun.objects.get(pk=started.run_id))

    assert repair.sweep() == 1

    assert Drift.objects.get().state == "open"
    assert not OutboxEntry.objects.exists()


def test_rows_that_a_run_left_behind_get_another(compare, site, ana, root):
    User.objects.filter(pk=ana.pk).update(first_name="Ours")
    compare()
    Drift.objects.update(state="repairing", choice="push", repaired_by=root)

    assert repair.sweep() == 1

    assert SyncRun.objects.active().filter(kind=Kind.REPAIR).exists()
    assert repair.sweep() == 0
