"""Adding a person: to the dashboard, or to the team whose page it is."""

from typing import Any

from django import forms
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.pickers import picker
from core.admin.users.dialogs.fields import email_field, name_field, role_field, student_role
from core.models import Membership, Role, Team, User
from core.permissions import scope
from core.services import people
from core.services.accounts import account_mail
from core.services.memberships import TeamIsFull
from core.services.people import EmailTaken, IsMember, NotAnAddress


class PersonDialog(Dialog):
    """Asks who is added, whether or not they have an account."""

    refused_at = {EmailTaken: "email", NotAnAddress: "email", IsMember: "email", TeamIsFull: "role"}
    first_name = name_field("First name")
    last_name = name_field("Last name")
    email = email_field()
    role = role_field()
    thinkific = forms.BooleanField(
        label="Create a Thinkific account",
        required=False,
        initial=True,
        help_text="One that has this e-mail already is linked, unless the person gets rights here: then an "
        "administrator decides.",
        widget=UnfoldBooleanSwitchWidget(),
    )
    welcome = forms.BooleanField(
        label="Send a welcome e-mail",
        required=False,
        initial=True,
        help_text="With a link to set a password.",
        widget=UnfoldBooleanSwitchWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("role", scope.roles_to_give(self.viewer, self.obj))
        self.suggest("role", student_role())

    def bring_into(self, teams: list[Team]) -> Done:
        """Add the person who has the address, or invite them: somebody who has an account outside the
        viewer's teams decides for themselves."""
        values = self.cleaned_data
        user, invited = people.add_to_teams(
            email=values["email"],
            first_name=values["first_name"],
            last_name=values["last_name"],
            memberships=[(team, values["role"]) for team in teams],
            in_thinkific=values["thinkific"],
            by=self.viewer,
        )
        names = ", ".join(map(str, teams))
        if invited:
            said = (
                f"{user.email} has an account outside your teams, so an invitation is on its way. They join "
                f"{names} when they agree; until then they are listed under Invited."
            )
            return Done(said, cells.detail_url(teams[0], "invitations"))
        said = f"{user.email} is in {names} now, as {values['role']}.{self.welcomed(user)}"
        users = reverse("admin:core_user_changelist")
        url = cells.detail_url(teams[0], "users") if len(teams) == 1 else users
        return Done(f"{said} Thinkific is told in the background." if values["thinkific"] else said, url)

    def welcomed(self, user: User) -> str:
        if not self.cleaned_data["welcome"]:
            return ""
        account_mail.ask_for_welcome(user, by=self.viewer)
        return f" A welcome e-mail goes to {user.email}."


class AddUser(PersonDialog):
    slug, label, icon, about_new = "add", "Add User", "person_add", True
    code = "users.create"
    question = "Makes an account in the dashboard and, unless you switch that off, in Thinkific."
    refused_at = {EmailTaken: "email", NotAnAddress: "email", IsMember: "teams", TeamIsFull: "teams"}
    field_order = ("first_name", "last_name", "email", "teams", "role", "global_role")
    teams = forms.ModelMultipleChoiceField(
        label="Teams",
        queryset=Team.objects.none(),
        widget=picker(Membership.team, multiple=True),
        error_messages={
            "required": "Choose at least one team.",
            "invalid_choice": "You cannot add people to this team.",
        },
    )
    global_role = forms.ModelChoiceField(
        label="Role in the whole dashboard",
        queryset=Role.objects.none(),
        required=False,
        empty_label="None",
        help_text="For people of your own company: it holds in every team.",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "You cannot give this role."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("teams", scope.teams_where(self.viewer, "users.create"))
        self.offer("global_role", scope.global_roles_to_give(self.viewer))
        if not self.viewer.sees_everything:
            del self.fields["global_role"]
        # Who sees everything also sees people in no team; to a manager they would be lost.
        self.fields["teams"].required = not self.viewer.sees_everything

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        role = values.get("role")
        for team in values.get("teams") or ():
            if role and not scope.roles_to_give(self.viewer, team).filter(pk=role.pk).exists():
                self.add_error("role", f"You cannot give the role {role} in {team}. Choose another.")
        return values

    def carry_out(self) -> Done:
        values = self.cleaned_data
        if not self.viewer.sees_everything:
            return self.bring_into(list(values["teams"]))
        global_role = values.get("global_role")
        works_here = {"global_role": global_role, "is_staff": True, "is_dashboard_user": True}
        user = people.create_user(
            email=values["email"],
            first_name=values["first_name"],
            last_name=values["last_name"],
            memberships=[(team, values["role"]) for team in values["teams"]],
            in_thinkific=values["thinkific"],
            by=self.viewer,
            **(works_here if global_role else {}),
        )
        said = f"{user} is added{f' as {global_role}' if global_role else ''}.{self.welcomed(user)}"
        return Done(said, cells.detail_url(user))
