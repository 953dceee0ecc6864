"""Dialogs about a group: its teams and their directions, its members, syncing it."""

from typing import Any

from django.db.models import QuerySet
from django.forms import ModelChoiceField
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.groups.assigning import (
    WHAT_THE_DIRECTIONS_DO,
    direction_field,
    people_to_add,
    role_field,
    roles_on_joining,
    stored_role,
    what_assigning_does,
)
from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog
from core.admin.kit.dialogs.fields import check_role, picked
from core.admin.kit.dialogs.shown_values import described
from core.admin.kit.sync.retry import RetryRow
from core.admin.kit.sync.sync_buttons import SyncDialog, run_started
from core.models import GroupAssignment, GroupMembership, Team, ThinkificGroup, User
from core.permissions import scope
from core.services import groups


class AssigningDialog(Dialog):
    """For viewers who may assign groups to at least one team."""

    code = "groups.assign"

    def assign(self, group: ThinkificGroup, team: Team) -> str:
        """Assign the group with the values of the form. Returns the message, with the confirmed numbers."""
        numbers = what_assigning_does(group, team, self.cleaned_data["direction"])
        values = self.cleaned_data | {"group": group, "team": team}
        assignment = groups.assign(by=self.viewer, **values)
        said = f"{group} is assigned to {team} now, {assignment.get_direction_display()}."
        return f"{said} {numbers}".strip()


class QuickAssignTeam(AssigningDialog):
    slug, label, submit, icon = "assign-team", "Quick Assign Team", "Assign", "group_add"
    question = WHAT_THE_DIRECTIONS_DO
    second_button = ("and_sync", "Assign and sync now")
    no_choice = {"team": "{obj} is assigned to every team that you may assign groups to."}
    team = picked(
        GroupAssignment.team,
        "Team",
        errors={"required": "Choose a team.", "invalid_choice": "You cannot assign groups to this team."},
    )
    direction = direction_field()
    role = role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = scope.teams_where(self.viewer, "groups.assign")
        self.offer("team", here)
        served = GroupAssignment.objects.filter(group=self.obj)
        self.offered["team"] = here.exclude(pk__in=served.values("team"))
        self.offer("role", roles_on_joining(self.viewer))

    @classmethod
    def may_use_second_button(cls, viewer: User) -> bool:
        return scope.may_start_runs(viewer)

    @classmethod
    def applies(cls, obj: ThinkificGroup) -> bool:
        return obj.removed_at is None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        team, role = values.get("team"), values.get("role")
        if team and role:
            check_role(self, role, team)
        if team and GroupAssignment.objects.filter(group=self.obj, team=team).exists():
            self.add_error("team", f"{self.obj} is assigned to {team} already. Change its direction instead.")
        return values

    def confirmation(self) -> str:
        return what_assigning_does(self.obj, self.cleaned_data["team"], self.cleaned_data["direction"])

    def carry_out(self) -> Done:
        said = self.assign(self.obj, self.cleaned_data["team"])
        if self.pressed("and_sync"):
            return Done(format_html("{} {}", said, _start_sync(self.obj, self.viewer)))
        return Done(said)


class AssignTeam(QuickAssignTeam):
    slug, label, tab = "assign-another", "Assign Team", "teams"


class SyncGroup(SyncDialog):
    slug, label = "sync-now", "Sync Now"
    question = (
        "Reads this group and its members again from Thinkific. Members join the group's teams if the "
        "direction of the assignment allows it."
    )

    @classmethod
    def applies(cls, obj: ThinkificGroup) -> bool:
        return obj.thinkific_id is not None and obj.removed_at is None

    def carry_out(self) -> Done:
        return Done(_start_sync(self.obj, self.viewer))


class SyncGroups(SyncDialog):
    """Opened by the button above the list."""

    slug, label, title = "sync-groups", "Sync Groups", "Sync all groups with Thinkific?"
    question = (
        "Groups and their members are read again in the background. Members join the groups' teams if the "
        "direction of the assignment allows it."
    )

    def carry_out(self) -> Done:
        return Done(run_started("groups", what="groups", by=self.viewer))


class AssignmentDialog(AssigningDialog, RowDialog):
    """A dialog about an assignment, in a tab of the group or of the team (core/admin/teams)."""

    tab = "teams"

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet[GroupAssignment]:
        teams = scope.teams_where(viewer, "groups.assign")
        rows = GroupAssignment.objects.filter(team__in=teams).select_related("group", "team", "role")
        return rows.filter(**{"team" if isinstance(obj, Team) else "group": obj})


class ChangeDirection(AssignmentDialog):
    slug, label = "change-direction", "Change Direction"
    question = WHAT_THE_DIRECTIONS_DO
    shows_stored = True
    direction = direction_field()
    role = role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("role", roles_on_joining(self.viewer, self.row.team), now=stored_role(self.row))
        self.fields["direction"].initial = self.row.direction

    def confirmation(self) -> str:
        if not self.touched:
            return ""
        return what_assigning_does(self.row.group, self.row.team, self.cleaned_data["direction"])

    def carry_out(self) -> Done:
        numbers = what_assigning_does(self.row.group, self.row.team, self.cleaned_data["direction"])
        changed = groups.change_direction(self.row, by=self.viewer, **self.cleaned_data)
        said = f"Group {changed.group}, team {changed.team}: {changed.get_direction_display()} from now on."
        return Done(f"{said} {numbers}".strip())


class SetDirection(AssignmentDialog):
    """The choice in the row of an assignment, which is saved at once (core/admin/groups/direction.py)."""

    slug, label, in_page, in_place = "set-direction", "Save Direction", True, True
    shows_stored = True
    direction = direction_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["direction"].initial = self.row.direction

    def _conflict_message(self, field: Any, *, shown: Any, now: Any) -> str:
        return (
            f"This is {described(field, now)} now. It was {described(field, shown)} when you opened this. "
            "Nothing was saved. Choose again if it should be different."
        )

    def carry_out(self) -> Done:
        direction = self.cleaned_data["direction"]
        numbers = what_assigning_does(self.row.group, self.row.team, direction)
        changed = groups.change_direction(self.row, direction=direction, role=self.row.role, by=self.viewer)
        said = f"Group {changed.group}, team {changed.team}: {changed.get_direction_display()} from now on."
        return Done(f"{said} {numbers}".strip())


class Unassign(AssignmentDialog):
    slug, label, danger = "unassign", "Remove Assignment", True

    def text(self) -> str:
        return (
            f"{self.row.group} and {self.row.team} are no longer synced with each other. Nobody is removed "
            "from the group or the team."
        )

    def carry_out(self) -> Done:
        groups.unassign(self.row, by=self.viewer)
        return Done(f"{self.row.group} is no longer assigned to {self.row.team}. Nobody was removed.")


def user_field(foreign_key: Any) -> ModelChoiceField:
    errors = {"required": "Choose a user.", "invalid_choice": "You cannot add this person."}
    return picked(foreign_key, "User", errors=errors)


class MembersDialog(Dialog):
    """A dialog about the members of a group."""

    tab = "users"

    @classmethod
    def may(cls, viewer: User, obj: ThinkificGroup | None) -> bool:
        if obj is None:
            return scope.holds(viewer, "groups.assign")
        return scope.groups_where(viewer, "groups.assign").filter(pk=obj.pk).exists()


class AddMember(MembersDialog):
    slug, label, icon = "add-member", "Add Member", "person_add"
    question = "People can be added only if an assignment of the group sends members to Thinkific."
    offered_when_blocked = False
    no_choice = {"user": "Everybody whom you may add is in {obj} already."}
    user = user_field(GroupMembership.user)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = people_to_add(self.viewer, self.obj)
        self.offer("user", people)
        there = GroupMembership.objects.filter(group=self.obj, removed_at__isnull=True)
        self.offered["user"] = people.exclude(pk__in=there.values("user"))

    @classmethod
    def applies(cls, obj: ThinkificGroup) -> bool:
        return obj.removed_at is None

    @classmethod
    def blocked(cls, target: ThinkificGroup, viewer: User) -> str:
        return groups.why_not_sent(target)

    def carry_out(self) -> Done:
        membership = groups.add_member(group=self.obj, user=self.cleaned_data["user"], by=self.viewer)
        return Done(f"{membership.user} is in {membership.group} now.")


class RemoveMember(MembersDialog, RowDialog):
    slug, label, danger = "remove-member", "Remove from Group", True

    @classmethod
    def rows(cls, obj: ThinkificGroup, viewer: User) -> QuerySet[GroupMembership]:
        rows = GroupMembership.objects.filter(group=obj, removed_at__isnull=True)
        rows = rows.select_related("group", "user")
        if scope.codes_everywhere(viewer):
            return rows
        return rows.filter(user__in=people_to_add(viewer, obj).values("pk"))

    @classmethod
    def offered_for(cls, rows: QuerySet) -> QuerySet:
        return groups.removable(rows)

    @classmethod
    def blocked(cls, target: GroupMembership, viewer: User) -> str:
        return groups.why_not_removable(target)

    def text(self) -> str:
        return f"{self.row.user} leaves {self.row.group}, here and in Thinkific. Teams and enrollments stay."

    def carry_out(self) -> Done:
        groups.remove_member(self.row, by=self.viewer)
        return Done(f"{self.row.user} is no longer in {self.row.group}.")


class RetryMember(RetryRow):
    tab, entity = "users", "groupmembership"

    @classmethod
    def listed(cls, obj: ThinkificGroup, viewer: User) -> QuerySet[GroupMembership]:
        return GroupMembership.objects.filter(group=obj)


def _start_sync(group: ThinkificGroup, viewer: User) -> SafeString:
    return run_started("groups", what=str(group), by=viewer, options={"group_id": group.pk})


GROUP_DIALOGS = (
    QuickAssignTeam,
    AssignTeam,
    SyncGroup,
    SetDirection,
    ChangeDirection,
    Unassign,
    AddMember,
    RemoveMember,
    RetryMember,
)
