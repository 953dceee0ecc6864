"""The dialog Add User, and the base of the one on a team's page."""

from typing import Any

from django import forms
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import check_role, picked, switch
from core.admin.users.dialogs.fields import email_field, name_field, role_field, student_role
from core.errors import names
from core.models import Membership, Role, SiteSettings, Team, User
from core.permissions import scope
from core.services import people
from core.services.accounts import account_mail
from core.services.memberships import TeamIsFull
from core.services.people import EmailTaken, IsMember, NotAnAddress
from core.wording import listed

WITH_A_GLOBAL_ROLE = "A user with a role in the whole dashboard needs no team."
NEEDS_A_TEAM = f"Every user is in a team, and no default team is set. {WITH_A_GLOBAL_ROLE}"


def _teams_field(label: str, **options: Any) -> forms.ModelChoiceField:
    errors = {
        "required": "Choose at least one team.",
        "invalid_choice": "You cannot add people to this team.",
    }
    return picked(Membership.team, label, multiple=True, errors=errors, **options)


class PersonDialog(Dialog):
    """Fields for a person, who may have an account or not."""

    refused_at = {EmailTaken: "email", NotAnAddress: "email", IsMember: "email", TeamIsFull: "role"}
    first_name = name_field("First name", required="Enter the first name. E-mails begin with it.")
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
        self.suggest("welcome", SiteSettings.load().welcome_email)

    def add_to(self, places: list[tuple[Team, Role]]) -> Done:
        """Add the person with this address to the teams. A person with an account outside the viewer's teams
        is invited instead."""
        values = self.cleaned_data
        user, invited = people.add_to_teams(
            email=values["email"],
            first_name=values["first_name"],
            last_name=values["last_name"],
            memberships=places,
            in_thinkific=values["thinkific"],
            by=self.viewer,
        )
        teams = [team for team, _ in places]
        names = listed([str(team) for team in teams])
        if invited:
            said = (
                f"{user.email} has an account outside your teams and gets an invitation. The person joins "
                f"{names} by accepting it; until then the tab Invited lists it."
            )
            return Done(said, cells.detail_url(teams[0], "invitations"))
        said = f"{user.email} is in {_in_words(places)} now.{self._welcome(user)}"
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


def _in_words(places: list[tuple[Team, Role]]) -> str:
    """Returns the teams with the role in each: "Acme and Globex as Student, and in Initech as Manager"."""
    by_role: dict[Role, list[str]] = {}
    for team, role in places:
        by_role.setdefault(role, []).append(str(team))
    return ", and in ".join(f"{listed(teams)} as {role}" for role, teams in by_role.items())


class AddUser(PersonDialog):
    slug, label, icon, about_new = "add", "Add User", "person_add", True
    panel = True
    code = "users.create"
    question = "Creates an account in the dashboard and, unless you switch that off, in Thinkific."
    refused_at = {EmailTaken: "email", NotAnAddress: "email", IsMember: "teams", TeamIsFull: "teams"}
    no_choice = {"teams": "There is no team yet. Add one on the page Teams."}
    field_order = (
        "first_name",
        "last_name",
        "email",
        "teams",
        "role",
        "more_teams",
        "more_role",
        "global_role",
    )
    teams = _teams_field("Teams")
    role = role_field("Role in these teams")
    more_teams = _teams_field(
        "Other teams, with another role", required=False, help_text="Leave it empty if the role is the same."
    )
    more_role = role_field("Role in the other teams", required=False)
    global_role = forms.ModelChoiceField(
        label="Role in the whole dashboard",
        queryset=Role.objects.none(),
        required=False,
        empty_label="None",
        help_text="For people of your own company. It applies in every team, so a team is optional.",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "You cannot give this role."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("teams", "more_teams"):
            self.offer(name, scope.teams_where(self.viewer, "users.create"))
        self.offer("more_role", scope.roles_to_give(self.viewer))
        self.suggest("more_role", None)
        self.offer("global_role", scope.global_roles_to_give(self.viewer))
        if not self.viewer.sees_everything:
            del self.fields["global_role"]
        # A role in the whole dashboard needs no team. Without both, the user joins the default team.
        self.default = SiteSettings.load().default_team if self.viewer.sees_everything else None
        self.fields["teams"].required = not self.viewer.sees_everything
        if self.default is not None:
            self.fields[
                "teams"
            ].help_text = f"Without a team, the user joins {self.default} as Student. {WITH_A_GLOBAL_ROLE}"
        elif self.viewer.sees_everything:
            self.fields["teams"].help_text = NEEDS_A_TEAM

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        teams, more = set(values.get("teams") or ()), set(values.get("more_teams") or ())
        if more and not values.get("more_role") and "more_role" not in self.errors:
            self.add_error("more_role", "Choose the role in the other teams.")
        if twice := teams & more:
            self.add_error("more_teams", f"{names(twice)} cannot be in both lists: one role for each team.")
        for team, role in self.places(values):
            check_role(self, role, team, "more_role" if team in more else "role")
        without = not (teams or more or self.default or values.get("global_role"))
        if without and self.viewer.sees_everything and "teams" not in self.errors:
            self.add_error("teams", f"Choose at least one team. {NEEDS_A_TEAM}")
        return values

    def places(self, values: dict[str, Any]) -> list[tuple[Team, Role]]:
        """Returns the chosen teams, with the role in each."""
        pairs = (("teams", "role"), ("more_teams", "more_role"))
        return [
            (team, values[role])
            for teams, role in pairs
            if values.get(role)
            for team in values.get(teams) or ()
        ]

    def carry_out(self) -> Done:
        values = self.cleaned_data
        places = self.places(values)
        if not self.viewer.sees_everything:
            return self.add_to(places)
        global_role = values.get("global_role")
        if not places and not global_role:
            assert self.default is not None
            places = [(self.default, Role.objects.get(code="student"))]
        works_here: dict[str, Any] = {"global_role": global_role, "is_staff": True, "is_dashboard_user": True}
        user = people.create_user(
            email=values["email"],
            first_name=values["first_name"],
            last_name=values["last_name"],
            memberships=places,
            in_thinkific=values["thinkific"],
            by=self.viewer,
            **(works_here if global_role else {}),
        )
        said = f"{user} is added{f' as {global_role}' if global_role else ''}"
        said += f", in {_in_words(places)}." if places else "."
        said += self._welcome(user)
        return Done(said, cells.detail_url(user))
