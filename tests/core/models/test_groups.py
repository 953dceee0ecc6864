from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Direction, ThinkificGroup
from tests.factories import GroupAssignmentFactory, GroupMembershipFactory, ThinkificGroupFactory

pytestmark = pytest.mark.django_db


def ago(**span):
    return timezone.now() - timedelta(**span)


@pytest.fixture
def group():
    """Synced an hour ago."""
    return ThinkificGroupFactory(last_synced_at=ago(hours=1))


def synced(**values):
    return {"last_synced_at": ago(hours=1), "changed_at": ago(hours=2)} | values


def is_pending(group):
    return ThinkificGroup.objects.with_pending().get(pk=group.pk).is_pending


@pytest.mark.parametrize(
    ("assignment", "pending"),
    [
        (synced(), False),
        (synced(last_synced_at=None), True),
        (synced(changed_at=ago(minutes=1)), True),
        (synced(last_error="The group is gone."), True),
        (synced(direction="disabled", last_synced_at=None), False),
        (synced(direction="disabled", last_error="The group is gone."), False),
    ],
    ids=[
        "synced",
        "never synced",
        "changed since",
        "ended in error",
        "disabled",
        "disabled with an old error",
    ],
)
def test_a_group_is_pending_while_an_enabled_assignment_is(group, assignment, pending):
    GroupAssignmentFactory(group=group)  # replaced below: one among several decides
    group.assignments.update(**synced())
    GroupAssignmentFactory(group=group, **assignment)

    assert is_pending(group) is pending


def test_a_group_without_assignments_is_pending_until_it_is_synced():
    assert is_pending(ThinkificGroupFactory(last_synced_at=None))
    assert not is_pending(ThinkificGroupFactory(last_synced_at=ago(hours=1)))


def test_a_requested_sync_makes_it_pending_until_it_has_run(group):
    group.sync_requested_at = ago(minutes=5)
    group.save()
    assert is_pending(group)

    group.last_synced_at = timezone.now()
    group.save()
    assert not is_pending(group)


@pytest.mark.parametrize(("push_state", "pending"), [("clean", False), ("pending", True), ("failed", True)])
def test_a_member_whom_thinkific_does_not_know_yet_makes_it_pending(group, push_state, pending):
    GroupMembershipFactory(group=group, push_state=push_state)

    assert is_pending(group) is pending


def test_a_group_that_is_gone_waits_for_nothing():
    group = ThinkificGroupFactory(removed_at=ago(minutes=1), sync_requested_at=ago(minutes=5))
    GroupMembershipFactory(group=group, push_state="pending")
    GroupAssignmentFactory(group=group)

    assert not is_pending(group)


def test_what_happens_to_another_group_does_not_matter(group):
    GroupAssignmentFactory(last_synced_at=None)
    GroupMembershipFactory(push_state="pending")

    assert not is_pending(group)


@pytest.mark.parametrize(
    ("direction", "pulls", "pushes"),
    [
        ("disabled", False, False),
        ("bidirectional", True, True),
        ("dashboard_to_thinkific", False, True),
        ("thinkific_to_dashboard", True, False),
    ],
)
def test_directions(direction, pulls, pushes):
    assert (Direction(direction).pulls, Direction(direction).pushes) == (pulls, pushes)
