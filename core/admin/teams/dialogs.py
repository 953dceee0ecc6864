"""Dialogs about a team: creating one, its members, invitations and groups."""

from typing import Any

from django import forms
from django.db.models import QuerySet

from core import acting
from core.admin.groups import assigning
from core.admin.groups.dialogs import (
    AssigningDialog,
    ChangeDirection,
    SetDirection,
    Unassign,
    user_field,
)
from core.admin.kit.dialogs.dialog import Done, RowDialog
from core.admin.kit.dialogs.fields import picked
from core.admin.kit.sync.retry import RetryRow
from core.admin.teams.add_team import AddTeam
from core.admin.teams.details import (
    TEAM_DETAIL_DIALOGS,
    TeamDialog,
)
from core.admin.teams.links import LINK_DIALOGS
from core.admin.users.dialogs.add_user import PersonDialog
from core.admin.users.dialogs.fields import role_field, student_role
from core.admin.users.dialogs.memberships import ChangeRole, RemoveFromTeam, joined
from core.admin.users.dialogs.moving import MoveToTeam
from core.admin.users.dialogs.overrides import ChangeOverrides
from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    Invitation,
    Membership,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions import scope
from core.services import invitations
from core.services.memberships import TeamIsFull
from core.services.teams import moving

# --- people -------------------------------------------------------------------------------------------


class AddUserToTeam(PersonDialog):
    slug, label, tab, icon = "add-user", "Add User", "users", "person_add"
    panel = True
    question = (
        "A person without an account gets one. A person from another team of yours joins at once. Any other "
        "person with an account is invited, and joins by accepting."
    )

    @classmethod
    def may(cls, viewer: User, obj: Team) -> bool:
        """Both rights are needed, because it is not known whether there is an account already."""
        return all(scope.holds_in(viewer, code, obj) for code in ("users.create", "teams.assign"))

    def carry_out(self) -> Done:
        return self.add_to([(self.obj, self.cleaned_data["role"])])


class PeopleDialog(TeamDialog):
    """Dialogs about the members of a team, in its tab Users."""

    tab, code = "users", "teams.assign"


class AddExistingUser(PeopleDialog):
    slug, label, icon = "add-person", "Add Existing User", "group_add"
    question = "For people whom you see under Users."
    refused_at = {TeamIsFull: "user"}
    no_choice = {
        "user": "Everybody whom you see under Users is in {obj} already. With Add User you add or invite "
        "somebody by an e-mail address."
    }
    user = user_field(Membership.user)
    role = role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.visible_to(self.viewer).filter(is_active=True)
        self.offer("user", people)
        self.offered["user"] = people.exclude(pk__in=Membership.objects.filter(team=self.obj).values("user"))
        self.offer("role", scope.roles_to_give(self.viewer, self.obj))
        self.suggest("role", student_role())

    def clean_user(self) -> User:
        user = self.cleaned_data["user"]
        if Membership.objects.filter(team=self.obj, user=user).exists():
            raise forms.ValidationError(f"{user} is in {self.obj} already.")
        return user

    def carry_out(self) -> Done:
        return joined(self.cleaned_data["user"], self.obj, self)


class ChangeRoleInTeam(PeopleDialog, ChangeRole):
    pass


class ChangeOverridesInTeam(PeopleDialog, ChangeOverrides):
    code = "teams.edit"


class MovePerson(PeopleDialog, MoveToTeam):
    slug = "move-person"

    @classmethod
    def may(cls, viewer: User, obj: Team | None) -> bool:
        return super().may(viewer, obj) and moving.teams_to_move_to(viewer, obj)


class RemovePerson(PeopleDialog, RemoveFromTeam):
    slug = "remove-person"


# --- invitations --------------------------------------------------------------------------------------


class InvitationDialog(TeamDialog, RowDialog):
    tab, code = "invitations", "teams.assign"

    @classmethod
    def rows(cls, obj: Team, viewer: User) -> QuerySet[Invitation]:
        rows = Invitation.objects.filter(team=obj, team__in=scope.teams_where(viewer, "teams.assign"))
        return rows.select_related("team", "user", "role", "invited_by")


class SendInvitationAgain(InvitationDialog):
    slug, label = "send-invitation-again", "Send Again"

    def text(self) -> str:
        return f"Sends {self.row.address} a new link. Older links no longer work."

    def carry_out(self) -> Done:
        invitations.send_again(self.row, by=self.viewer)
        return Done(f"A new link goes to {self.row.address}. Older links no longer work.")


class WithdrawInvitation(InvitationDialog):
    slug, label, danger = "withdraw-invitation", "Withdraw", True

    def text(self) -> str:
        return f"{self.row.address} can no longer join {self.row.team} by the link."

    def carry_out(self) -> Done:
        address, team = self.row.address, self.row.team
        invitations.withdraw(self.row, by=self.viewer)
        return Done(f"{address} is no longer invited to {team}. The link no longer works.")


class AddInvited(InvitationDialog):
    slug, label = "add-invited", "Add Now"
    in_own_name = acting.AGREEMENT

    @classmethod
    def may(cls, viewer: User, obj: Team | None) -> bool:
        """Only administrators may accept an invitation for another person."""
        return "teams.assign" in scope.codes_everywhere(viewer)

    def text(self) -> str:
        return (
            f"{self.row.user} joins {self.row.team} as {self.row.role}, without answering the mail. The "
            "team then sees the person's work in the courses that it has seats on. Do this only if you know "
            "that the person agrees."
        )

    def carry_out(self) -> Done:
        membership = invitations.accept(self.row, by=self.viewer)
        return Done(f"{membership.user} is in {membership.team} now, as {membership.role}.")


# --- groups -------------------------------------------------------------------------------------------


class AttachGroup(TeamDialog, AssigningDialog):
    slug, label, tab, icon = "attach-group", "Attach Group", "groups", "add"
    question = assigning.WHAT_THE_DIRECTIONS_DO
    no_choice = {"group": "Every group that you see is assigned to {obj} already."}
    group = picked(
        GroupMembership.group,
        "Group",
        errors={"required": "Choose a group.", "invalid_choice": "You cannot attach this group."},
    )
    direction = assigning.direction_field()
    role = assigning.role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = ThinkificGroup.objects.visible_to(self.viewer).filter(removed_at__isnull=True)
        self.offer("group", here)
        served = GroupAssignment.objects.filter(team=self.obj)
        self.offered["group"] = here.exclude(pk__in=served.values("group"))
        self.offer("role", assigning.roles_on_joining(self.viewer, self.obj))

    def clean_group(self) -> ThinkificGroup:
        group = self.cleaned_data["group"]
        if GroupAssignment.objects.filter(group=group, team=self.obj).exists():
            raise forms.ValidationError(
                f"{group} is assigned to {self.obj} already. Change its direction instead."
            )
        return group

    def confirmation(self) -> str:
        values = self.cleaned_data
        return assigning.what_assigning_does(values["group"], self.obj, values["direction"])

    def carry_out(self) -> Done:
        return Done(self.assign(self.cleaned_data["group"], self.obj))


class SetDirectionOfTeam(SetDirection):
    tab = "groups"


class ChangeDirectionOfTeam(ChangeDirection):
    tab = "groups"


class UnassignFromTeam(Unassign):
    tab = "groups"


class RetryEnrollment(RetryRow):
    tab, entity = "enrollments", "enrollment"

    @classmethod
    def listed(cls, obj: Team, viewer: User) -> QuerySet[Enrollment]:
        return Enrollment.objects.filter(user__in=Membership.objects.filter(team=obj).values("user"))


TEAM_DIALOGS = (
    AddTeam,
    *TEAM_DETAIL_DIALOGS,
    AddUserToTeam,
    AddExistingUser,
    ChangeRoleInTeam,
    ChangeOverridesInTeam,
    MovePerson,
    RemovePerson,
    SendInvitationAgain,
    WithdrawInvitation,
    AddInvited,
    *LINK_DIALOGS,
    AttachGroup,
    SetDirectionOfTeam,
    ChangeDirectionOfTeam,
    UnassignFromTeam,
    RetryEnrollment,
)
