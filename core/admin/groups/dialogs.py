"""What can be done to a group: teams and directions, members, reading it again."""

from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.groups.assigning import (
    WHAT_THE_DIRECTIONS_DO,
    AddMemberForm,
    AssignForm,
    DirectionForm,
    people_to_add,
    what_assigning_does,
)
from core.admin.kit.dialogs.dialog import Dialog, DialogForm, Done
from core.admin.kit.sync.sending import retry_rows
from core.admin.kit.sync.sync_buttons import run_started
from core.models import GroupAssignment, GroupMembership, Team, ThinkificGroup, User
from core.permissions import scope
from core.services import groups


def may_assign(viewer: User, group: Any) -> bool:
    return scope.holds(viewer, "groups.assign")


def assignments_where(viewer: User) -> QuerySet[GroupAssignment]:
    teams = scope.teams_where(viewer, "groups.assign")
    return GroupAssignment.objects.filter(team__in=teams).select_related("group", "team", "role")


def _assign(group: ThinkificGroup, form: AssignForm) -> Done:
    said = assigned(group, form.cleaned_data["team"], form)
    if form.pressed("and_sync"):
        return Done(format_html("{} {}", said, _read(group, form)))
    return Done(said)


def assigned(group: ThinkificGroup, team: Team, form: DialogForm) -> str:
    """Assign it as the form says, and answer what came of it with the numbers that were confirmed."""
    numbers = what_assigning_does(group, team, form.cleaned_data["direction"])
    assignment = groups.assign(by=form.viewer, **form.cleaned_data | {"group": group, "team": team})
    said = f"{group} serves {team} now, {assignment.get_direction_display()}."
    return f"{said} {numbers}".strip()


def change_direction(assignment: GroupAssignment, form: DirectionForm) -> Done:
    numbers = what_assigning_does(assignment.group, assignment.team, form.cleaned_data["direction"])
    changed = groups.change_direction(assignment, by=form.viewer, **form.cleaned_data)
    said = f"{changed.group} for {changed.team}: {changed.get_direction_display()} from now on."
    return Done(f"{said} {numbers}".strip())


def unassign(assignment: GroupAssignment, form: DialogForm) -> Done:
    groups.unassign(assignment, by=form.viewer)
    return Done(f"{assignment.group} no longer serves {assignment.team}. Everybody stays in both.")


def what_unassigning_does(assignment: GroupAssignment) -> str:
    return (
        f"{assignment.group} and {assignment.team} go separate ways from now on. Everybody stays "
        "in the group and in the team."
    )


def _add_member(group: ThinkificGroup, form: AddMemberForm) -> Done:
    membership = groups.add_member(group=group, user=form.cleaned_data["user"], by=form.viewer)
    return Done(f"{membership.user} is in {group} now.")


def _remove_member(membership: GroupMembership, form: DialogForm) -> Done:
    groups.remove_member(membership, by=form.viewer)
    return Done(f"{membership.user} is no longer in {membership.group}.")


def _members(group: ThinkificGroup, viewer: User) -> QuerySet[GroupMembership]:
    rows = GroupMembership.objects.filter(group=group, removed_at__isnull=True).select_related(
        "group", "user"
    )
    if scope.codes_everywhere(viewer):
        return rows
    return rows.filter(user__in=people_to_add(viewer, group).values("pk"))


def _may_change_members(viewer: User, group: ThinkificGroup | None) -> bool:
    if group is None:
        return scope.holds(viewer, "groups.assign")
    return scope.groups_where(viewer, "groups.assign").filter(pk=group.pk).exists()


def _read(group: ThinkificGroup, form: DialogForm) -> SafeString:
    return run_started("groups", what=str(group), by=form.viewer, options={"group_id": group.pk})


_QUICK_ASSIGN = Dialog(
    "assign-team",
    "Quick Assign Team",
    submit="Assign",
    may=may_assign,
    applies=lambda group: group.removed_at is None,
    work=_assign,
    form=AssignForm,
    icon="group_add",
    also=("and_sync", "Assign and sync now"),
    may_also=scope.may_start_runs,
    text=lambda group: WHAT_THE_DIRECTIONS_DO,
)
GROUP_DIALOGS = (
    _QUICK_ASSIGN,
    replace(_QUICK_ASSIGN, slug="assign-another", label="Assign Team", tab="teams"),
    Dialog(
        "sync-now",
        "Sync Now",
        may=lambda viewer, group: scope.may_start_runs(viewer),
        applies=lambda group: group.thinkific_id is not None and group.removed_at is None,
        work=lambda group, form: Done(_read(group, form)),
        icon="sync",
        text=lambda group: (
            "Reads this group and its members again from Thinkific. People join teams where an "
            "assignment's direction lets them."
        ),
    ),
    Dialog(
        "change-direction",
        "Change Direction",
        may=may_assign,
        work=change_direction,
        form=DirectionForm,
        tab="teams",
        parts=lambda group, viewer: assignments_where(viewer).filter(group=group),
        text=lambda assignment: WHAT_THE_DIRECTIONS_DO,
    ),
    Dialog(
        "unassign",
        "Remove Assignment",
        may=may_assign,
        work=unassign,
        tab="teams",
        danger=True,
        parts=lambda group, viewer: assignments_where(viewer).filter(group=group),
        text=what_unassigning_does,
    ),
    Dialog(
        "add-member",
        "Add Member",
        may=_may_change_members,
        applies=lambda group: group.removed_at is None,
        blocked=lambda group, viewer: groups.why_not_sent(group),
        offered_when_blocked=False,
        work=_add_member,
        form=AddMemberForm,
        tab="users",
        icon="person_add",
        text=lambda group: "Only a group that some team sends to Thinkific takes people in from here.",
    ),
    Dialog(
        "remove-member",
        "Remove from Group",
        may=_may_change_members,
        blocked=lambda membership, viewer: groups.why_kept(membership),
        work=_remove_member,
        tab="users",
        danger=True,
        parts=_members,
        offered_for=groups.that_can_leave,
        text=lambda membership: (
            f"{membership.user} leaves {membership.group}, here and in Thinkific. Teams and enrollments stay."
        ),
    ),
    retry_rows("users", "groupmembership", lambda group, viewer: GroupMembership.objects.filter(group=group)),
)
