"""The dialog Add User, and the base of the one on a team's page."""

from typing import Any

from django import forms
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import check_role, picked, switch
from core.admin.users.dialogs.fields import email_field, name_field, role_field, student_role
from core.models import Membership, Role, Team, User
from core.permissions import scope
from core.services import people
from core.services.accounts import account_mail
from core.services.memberships import TeamIsFull
from core.services.people import EmailTaken, IsMember, NotAnAddress


class PersonDialog(Dialog):
    """Fields for a person, who may have an account or not."""

    refused_at = {EmailTaken: "email", NotAnAddress: "email", IsMember: "email", TeamIsFull: "role"}
    first_name = name_field("First name")
    last_name = name_field("Last name")
    email = email_field()
    role = role_field()
    thinkific = switch(
        "Create a Thinkific account",
        "If an account has this e-mail already, it is linked. If the person gets rights here, an "
        "administrator decides about that.",
        initial=True,
    )
    welcome = switch("Send a welcome e-mail", "With a link to set a password.", initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("role", scope.roles_to_give(self.viewer, self.obj))
        self.suggest("role", student_role())

    def add_to(self, teams: list[Team]) -> Done:
        """Add the person with this address to the teams. A person with an account outside the viewer's teams
        is invited instead."""
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
                f"{user.email} has an account outside your teams and gets an invitation. The person joins "
                f"{names} by accepting it; until then the tab Invited lists it."
            )
            return Done(said, cells.detail_url(teams[0], "invitations"))
        said = f"{user.email} is in {names} now, as {values['role']}.{self._welcome(user)}"
        users = reverse("admin:core_user_changelist")
        url = cells.detail_url(teams[0], "users") if len(teams) == 1 else users
        return Done(
            f"{said} The change is sent to Thinkific in the background." if values["thinkific"] else said, url
        )

    def _welcome(self, user: User) -> str:
        if not self.cleaned_data["welcome"]:
            return ""
        account_mail.ask_for_welcome(user, by=self.viewer)
        return f" A welcome e-mail goes to {user.email}."


class AddUser(PersonDialog):
    slug, label, icon, about_new = "add", "Add User", "person_add", True
    code = "users.create"
    question = "Creates an account in the dashboard and, unless you switch that off, in Thinkific."
    refused_at = {EmailTaken: "email", NotAnAddress: "email", IsMember: "teams", TeamIsFull: "teams"}
    field_order = ("first_name", "last_name", "email", "teams", "role", "global_role")
    teams = picked(
        Membership.team,
        "Teams",
        multiple=True,
        errors={
            "required": "Choose at least one team.",
            "invalid_choice": "You cannot add people to this team.",
        },
    )
    global_role = forms.ModelChoiceField(
        label="Role in the whole dashboard",
        queryset=Role.objects.none(),
        required=False,
        empty_label="None",
        help_text="For people of your own company. It applies in every team.",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "You cannot give this role."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("teams", scope.teams_where(self.viewer, "users.create"))
        self.offer("global_role", scope.global_roles_to_give(self.viewer))
        if not self.viewer.sees_everything:
            del self.fields["global_role"]
        # Only viewers who see everything also see people without a team.
        self.fields["teams"].required = not self.viewer.sees_everything

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if role := values.get("role"):
            for team in values.get("teams") or ():
                check_role(self, role, team)
        return values

    def carry_out(self) -> Done:
        values = self.cleaned_data
        if not self.viewer.sees_everything:
            return self.add_to(list(values["teams"]))
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
        said = f"{user} is added{f' as {global_role}' if global_role else ''}.{self._welcome(user)}"
        return Done(said, cells.detail_url(user))
