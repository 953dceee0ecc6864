"""Dialogs that change a team itself: its details, its owner, archive and restore."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import picked, switch
from core.admin.kit.dialogs.pickers import picker
from core.admin.users.dialogs.fields import role_field
from core.errors import Refusal
from core.models import Membership, Organization, Role, Team, User
from core.permissions import scope
from core.services.memberships import TeamIsFull
from core.services.teams import personal, teams
from core.services.teams.personal import SecondPersonalTeam

# Only administrators may change these fields.
FOR_ADMINISTRATORS = ("organization", "max_members", "is_personal")
MOST_MEMBERS = 1_000_000
MOST_LISTED = 300  # the most members to offer in a plain list


def name_field() -> forms.CharField:
    return forms.CharField(
        label="Name",
        max_length=teams.TEAM_NAME_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        error_messages={"required": "A team needs a name."},
    )


def description_field() -> forms.CharField:
    return forms.CharField(
        label="Description",
        max_length=teams.DESCRIPTION_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )


def organization_field() -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        label="Organization",
        queryset=Organization.objects.order_by("name"),
        required=False,
        widget=picker(Team.organization),
        error_messages={"invalid_choice": "There is no such organization. Choose another, or none."},
    )


class TeamDialog(Dialog):
    """For viewers whose role in the team has the permission `code`."""

    @classmethod
    def may(cls, viewer: User, obj: Team | None) -> bool:
        return scope.holds_in(viewer, cls.code, obj)


class EditTeam(TeamDialog):
    slug, label, submit, icon = "edit", "Edit Team", "Save", "edit"
    code = "teams.edit"
    shows_stored = True
    refused_at = {SecondPersonalTeam: "is_personal", Refusal: "name"}
    name = name_field()
    description = description_field()
    organization = organization_field()
    max_members = forms.IntegerField(
        label="Most students",
        required=False,
        min_value=0,
        max_value=MOST_MEMBERS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="Empty: no limit. A lower limit removes nobody.",
        error_messages={"invalid": "Enter a whole number, or nothing for no limit."},
    )
    is_personal = switch(
        "Personal team",
        "Stands for its owner together with the people they manage. With “delete the students of a user too” "
        "in Settings it is deleted with its owner. Everybody has at most one.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.initial = getattr(self.obj, name)
        self.fields["is_personal"].initial = personal.is_personal(self.obj)
        if self.code not in scope.codes_everywhere(self.viewer):
            for name in FOR_ADMINISTRATORS:
                del self.fields[name]

    def carry_out(self) -> Done:
        values = dict(self.cleaned_data)
        wanted = values.pop("is_personal", None)
        team = teams.update(self.obj, by=self.viewer, **values)
        if wanted is not None:
            personal.change(team, wanted, by=self.viewer)
        said = f"{team} is saved."
        students = teams.size(team).students
        if team.max_members is not None and students > team.max_members:
            said += (
                f" It has {students:,} students, more than its limit. Nobody is removed, and nobody can join."
            )
        return Done(said)


class ActiveTeamDialog(Dialog):
    """For a team that is not archived."""

    @classmethod
    def applies(cls, obj: Team) -> bool:
        return obj.archived_at is None

    @classmethod
    def why_not_needed(cls, obj: Team) -> str:
        return f"{obj} is archived."


class ChangeOwner(ActiveTeamDialog):
    slug, label, icon = "change-owner", "Change Owner", "swap_horiz"
    shows_stored = True
    refused_at = {TeamIsFull: "role", Refusal: "owner"}
    no_choice = {
        "owner": "{obj} has no other member with an active account. Add a member first, in the tab Users."
    }
    owner = picked(
        Team.owner,
        "New owner",
        empty_label="Choose a member",
        errors={
            "required": "Choose the new owner.",
            "invalid_choice": "The new owner must be a member of the team with an active account. Add the "
            "person to the team first.",
        },
    )
    role = role_field()
    former = forms.CharField(widget=forms.HiddenInput(), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["former"].initial = str(self.obj.owner_id)
        members = Membership.objects.filter(team=self.obj).exclude(user=self.obj.owner_id)
        candidates = User.objects.filter(is_active=True, pk__in=members.values("user"))
        # A picker would also find users who are not members, and refuse them. So few members are offered in a
        # plain list.
        if members[: MOST_LISTED + 1].count() <= MOST_LISTED:
            self.fields["owner"].widget = UnfoldAdminSelectWidget()
            self.fields["owner"].widget.is_required = True
        self.offer("owner", candidates.order_by("name", "pk"))
        self.offer("role", scope.roles_to_give(self.viewer, self.obj))
        self.fields["role"].label = f"Role of {self.obj.owner} from then on"
        self.suggest("role", Role.objects.filter(code="manager").first())

    def clean_former(self) -> None:
        """Refuses if the owner has changed: the dialog names the owner, but no field contains it."""
        shown = self.cleaned_data["former"]
        if shown and shown != str(self.obj.owner_id):
            self.data["former"] = str(self.obj.owner_id)
            self.add_error(
                "owner",
                f"{self.obj.owner} owns {self.obj} now. It was somebody else when you opened this. "
                "Nothing was saved. Save again to replace this owner.",
            )

    @classmethod
    def may(cls, viewer: User, obj: Team | None) -> bool:
        return scope.holds(viewer, "teams.edit") if obj is None else scope.may_change_owner(viewer, obj)

    def text(self) -> str:
        said = f"{self.obj.owner} owns {self.obj}. Every team has one owner, who is also a member."
        if personal.is_personal(self.obj):
            said += f" It is the personal team of {self.obj.owner}, and becomes an ordinary team."
        return said

    def carry_out(self) -> Done:
        former, owner, role = self.obj.owner, self.cleaned_data["owner"], self.cleaned_data["role"]
        teams.change_owner(self.obj, owner=owner, former_role=role, by=self.viewer)
        return Done(f"{owner} owns {self.obj} now; {former} stays in it as {role}.")


class ArchiveTeam(ActiveTeamDialog):
    slug, label, icon, danger = "archive", "Archive Team", "archive", True
    code, in_all_teams = "teams.edit", True

    def text(self) -> str:
        team, size = self.obj, teams.size(self.obj)
        return (
            f"Nobody can join {team} any more, by hand, by a file, or by its groups ({size.groups:,}). Its "
            f"members ({size.members:,}) keep their accounts and enrollments and stay listed. Its seats stay "
            "too, but enroll nobody. Restore Team makes it usable again."
        )

    def carry_out(self) -> Done:
        teams.archive(self.obj, by=self.viewer)
        return Done(f"{self.obj} is archived. Restore Team makes it usable again.")


class RestoreTeam(Dialog):
    slug, label, icon = "restore", "Restore Team", "unarchive"
    code, in_all_teams = "teams.edit", True

    @classmethod
    def applies(cls, obj: Team) -> bool:
        return obj.archived_at is not None

    def text(self) -> str:
        return f"People can join {self.obj} again, and members of its groups join with the next sync."

    def carry_out(self) -> Done:
        teams.restore(self.obj, by=self.viewer)
        return Done(f"{self.obj} is in use again.")


TEAM_DETAIL_DIALOGS = (EditTeam, ChangeOwner, ArchiveTeam, RestoreTeam)
