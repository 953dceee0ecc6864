import pytest
from django.utils import timezone

from core.admin.groups.screen import sync_status
from core.errors import Refusal
from core.models import (
    Direction,
    GroupAssignment,
    GroupMembership,
    OutboxEntry,
    SiteSettings,
    ThinkificGroup,
)
from core.services import groups
from tests.factories import GroupAssignmentFactory, ThinkificGroupFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_a_new_group_is_noted_for_thinkific(alma):
    group = groups.create(name="  Acme   people ", by=alma)

    assert group.name == "Acme people"
    entry = OutboxEntry.objects.get()
    assert (entry.entity, entry.object_id, entry.requested_by) == ("thinkificgroup", group.pk, alma)


@pytest.mark.parametrize("name", ["", "   ", "x" * 256, "ACME people"])
def test_a_group_needs_a_name_of_its_own(name):
    ThinkificGroupFactory(name="Acme people")
    with pytest.raises(Refusal):
        groups.create(name=name)
    assert not OutboxEntry.objects.exists()


def test_a_group_serves_a_team_once(acme, alma):
    group = ThinkificGroupFactory()
    assignment = groups.assign(group=group, team=acme, direction=Direction.DISABLED, by=alma)
    assert assignment.history.get().history_user == alma
    with pytest.raises(Refusal, match="is assigned to Acme already"):
        groups.assign(group=group, team=acme)
    assert not OutboxEntry.objects.exists()


def status_of(group):
    """The Status on the screen, which is drawn in Python; the filter, in SQL, must agree."""
    stored = ThinkificGroup.objects.with_pending().get(pk=group.pk)
    drawn = "Active" if "Active" in sync_status(stored) else "Full"
    rows = ThinkificGroup.objects.with_pending().filter(is_pending=drawn == "Active")
    assert rows.filter(pk=group.pk).exists()
    return drawn


def test_a_disabled_assignment_leaves_the_group_full(acme):
    group = ThinkificGroupFactory(last_synced_at=timezone.now())

    assignment = groups.assign(group=group, team=acme, direction=Direction.DISABLED)
    assert status_of(group) == "Full"

    groups.unassign(assignment)
    assert status_of(group) == "Full"


def test_an_enabled_assignment_that_is_disabled_or_removed_leaves_the_group_full(acme):
    group = ThinkificGroupFactory(last_synced_at=timezone.now())

    assignment = groups.assign(group=group, team=acme, direction=Direction.THINKIFIC_TO_DASHBOARD)
    assert status_of(group) == "Active"
    assignment = groups.change_direction(assignment, direction=Direction.DISABLED)
    assert status_of(group) == "Full"
    assignment = groups.change_direction(assignment, direction=Direction.THINKIFIC_TO_DASHBOARD)
    assert status_of(group) == "Active"
    groups.unassign(assignment)
    assert status_of(group) == "Full"


def test_a_new_direction_is_recorded_and_sends_the_team(acme, ana, alma):
    assignment = GroupAssignmentFactory(team=acme, direction=Direction.THINKIFIC_TO_DASHBOARD)
    before = assignment.changed_at

    groups.change_direction(assignment, direction=Direction.BIDIRECTIONAL, by=alma)

    assignment.refresh_from_db()
    assert assignment.changed_at > before
    assert assignment.history.first().history_user == alma
    people = set(GroupMembership.objects.filter(push_state="pending").values_list("user", flat=True))
    assert people == {acme.owner_id, ana.pk}


def test_unassigning_leaves_everybody_where_they_are(acme, ana, alma):
    assignment = GroupAssignmentFactory(team=acme)
    GroupMembership.objects.create(group=assignment.group, user=ana)
    groups.unassign(assignment, by=alma)

    assert not GroupAssignment.objects.exists()
    assert GroupMembership.objects.get().removed_at is None
    assert acme.memberships.filter(user=ana).exists()
    assert not OutboxEntry.objects.exists()


def test_taking_somebody_out_is_intent_and_needs_no_setting_of_automatic_removals():
    assignment = GroupAssignmentFactory()
    membership = GroupMembership.objects.create(group=assignment.group, user=UserFactory(from_thinkific=True))
    assert not SiteSettings.load().mirror_group_removals

    groups.remove_member(membership)

    membership.refresh_from_db()
    assert membership.removed_at is not None
    assert OutboxEntry.objects.get().entity == "groupmembership"


def test_without_an_access_token_only_who_has_not_arrived_there_is_taken_out(settings):
    settings.THINKIFIC_ACCESS_TOKEN = ""
    group = GroupAssignmentFactory().group
    there, waiting = (
        GroupMembership.objects.create(group=group, user=UserFactory(from_thinkific=True), push_state=state)
        for state in ("clean", "pending")
    )

    assert "there is no access token" in groups.why_not_removable(there)
    assert groups.why_not_removable(waiting) == ""
    assert list(groups.removable(GroupMembership.objects.all())) == [waiting]
