"""Dialogs about a user's teams and groups: joining, leaving, changing the role."""

from typing import Any

from django import forms
from django.db.models import F, QuerySet

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog
from core.admin.kit.dialogs.fields import check_role, picked, switch
from core.admin.users.dialogs.fields import role_field, student_role
from core.admin.users.dialogs.global_role import ChangeGlobalRole
from core.admin.users.dialogs.overrides import ChangeOverrides
from core.models import GroupMembership, Membership, SiteSettings, Team, User
from core.permissions import scope
from core.services import groups, memberships
from core.services.memberships import TeamIsFull
from core.services.teams import leaving
from core.wording import plural


def team_field() -> forms.ModelChoiceField:
    errors = {"required": "Choose a team.", "invalid_choice": "You cannot add people to this team."}
    return picked(Membership.team, "Team", errors=errors)


def group_field() -> forms.ModelChoiceField:
    errors = {"required": "Choose a group.", "invalid_choice": "You cannot add people to this group."}
    return picked(GroupMembership.group, "Group", errors=errors)


def end_access_field() -> forms.BooleanField:
    return switch(
        "End the access that this team's seats gave",
        "Off: all enrollments stay as they are. Access that was bought, or that somebody else gave, stays "
        "in any case.",
    )


class TeamsDialog(Dialog):
    """Dialogs in the tab Teams of a user's page."""

    tab = "teams"
    code = "teams.assign"


class AddToTeam(TeamsDialog):
    slug, label, icon = "join-team", "Add to Team", "group_add"
    refused_at = {TeamIsFull: "team"}
    no_choice = {"team": "{obj} is in every team that you may add people to."}
    team = team_field()
    role = role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = scope.teams_where(self.viewer, "teams.assign")
        self.offer("team", here)
        self.offered["team"] = here.exclude(pk__in=Membership.objects.filter(user=self.obj).values("team"))
        self.offer("role", scope.roles_to_give(self.viewer))
        self.suggest("role", student_role())

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        team, role = values.get("team"), values.get("role")
        if team is None or role is None:
            return values
        if Membership.objects.filter(team=team, user=self.obj).exists():
            self.add_error("team", f"{self.obj} is in {team} already. Change the role there instead.")
        else:
            check_role(self, role, team)
        return values

    def carry_out(self) -> Done:
        return joined(self.obj, self.cleaned_data["team"], self)


def joined(user: User, team: Team, form: Dialog) -> Done:
    """Add the user to the team with the role from the form."""
    role = form.cleaned_data["role"]
    memberships.add_member(team=team, user=user, role=role, by=form.viewer)
    return Done(
        f"{user} is in {team} now, as {role}. The team's groups in Thinkific get the new member, if their "
        "direction allows it."
    )


class MembershipDialog(TeamsDialog, RowDialog):
    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet[Membership]:
        rows = scope.memberships_where(viewer, "teams.assign").select_related("team", "role", "user")
        return rows.filter(**{"team" if isinstance(obj, Team) else "user": obj})


class ChangeRole(MembershipDialog):
    slug, label = "change-role", "Change Role"
    shows_stored = True
    role = role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("role", scope.roles_to_give(self.viewer, self.row.team), now=self.row.role_id)

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet[Membership]:
        return super().rows(obj, viewer).exclude(team__owner=F("user"))

    def text(self) -> str:
        if not self.row.overrides:
            return ""
        return "What is denied to this person stays denied. What was allowed beside the role is dropped."

    def locks(self) -> Team:
        """The lock of the team prevents that it gets more students than its limit."""
        return self.row.team

    def carry_out(self) -> Done:
        role = self.cleaned_data["role"]
        memberships.change_role(self.row, role=role, by=self.viewer)
        return Done(f"{self.row.user} is {role} in {self.row.team} now.")


class RemoveFromTeam(MembershipDialog):
    slug, label, danger = "leave-team", "Remove from Team", True
    end_access = end_access_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggest("end_access", False)
        self.given = leaving.given_by(self.row.team, [self.row.user]).count()
        if not self.given or not scope.holds_in(self.viewer, "enrollments.delete", self.row.team):
            del self.fields["end_access"]

    @classmethod
    def offered_for(cls, rows: QuerySet) -> QuerySet:
        return memberships.removable(rows)

    @classmethod
    def why_not(cls, row: Membership, viewer: User, *, is_among_rows: bool) -> tuple[str, str]:
        if not scope.holds_in(viewer, cls.code, row.team):
            return "", ""
        if is_among_rows or row.team.owner_id == row.user_id:
            return memberships.why_not_removable(row, viewer)
        return (
            "Has rights that you do not have",
            f"Only somebody who has all rights of this person in {row.team} can remove them: the owner, or "
            "an administrator.",
        )

    def text(self) -> str:
        said = f"{self.row.user} leaves {self.row.team}. {self._what_of_the_last_team()}"
        if not self.given:
            return f"{said} Enrollments stay."
        return f"{said} Seats of the team gave {plural(self.given, 'running enrollment')}."

    def _what_of_the_last_team(self) -> str:
        """Returns a sentence about users without another team. Only for viewers who see all teams it says
        whether this user is one: others must not learn about teams that are not theirs."""
        if not self.viewer.sees_everything:
            return "A user without another team joins the default team."
        if Membership.objects.filter(user=self.row.user).exclude(pk=self.row.pk).exists():
            return "Other teams of this user do not change."
        default = SiteSettings.load().default_team
        joins = f"the default team{f', {default}' if default else ''}"
        return f"It is the only team of this user, who joins {joins}."

    def carry_out(self) -> Done:
        user, team = self.row.user, self.row.team
        ends = self.cleaned_data.get("end_access", False)
        left = leaving.remove_members(team=team, users=[user], end_access=ends, by=self.viewer)
        ended = f"{plural(left.ended, 'enrollment')} ended." if left.ended else "Enrollments stay."
        # The viewer may no longer see a user who is in none of the viewer's other teams.
        is_hidden = not User.objects.visible_to(self.viewer).filter(pk=user.pk).exists()
        url = cells.detail_url(team, "users") if is_hidden else ""
        return Done(f"{user} has left {team}. {ended}", url)


class AddToGroup(Dialog):
    slug, label, tab, icon = "join-group", "Add to Group", "groups", "add"
    question = "People can be added only to groups whose direction sends members to Thinkific."
    no_choice = {
        "group": "{obj} is in every group that you may add people to and whose direction sends members to "
        "Thinkific."
    }
    group = group_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = scope.groups_where(self.viewer, "groups.assign", self.obj)
        self.offer("group", here)
        self.offered["group"] = groups.accepting_members(here, self.obj)

    @classmethod
    def may(cls, viewer: User, obj: User | None) -> bool:
        return scope.groups_where(viewer, "groups.assign", obj).exists()

    def carry_out(self) -> Done:
        membership = groups.add_member(group=self.cleaned_data["group"], user=self.obj, by=self.viewer)
        return Done(f"{self.obj} is in the group {membership.group} now.")


MEMBERSHIP_DIALOGS = (AddToTeam, ChangeGlobalRole, ChangeRole, ChangeOverrides, RemoveFromTeam, AddToGroup)
