"""What the dialogs about a user ask."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from core.admin.kit.dialogs.dialog import DialogForm
from core.admin.kit.dialogs.pickers import by_typing
from core.email_display import as_people_write
from core.folding import normalize_email
from core.models import (
    GroupMembership,
    Membership,
    Role,
    Team,
    ThinkificGroup,
)
from core.models.people import NAME_LENGTH
from core.permissions import scope
from core.services import groups, people
from core.services.memberships import TeamIsFull
from core.services.people import EmailTaken, IsMember, NotAnAddress, OwnsTeams


def name_field(label: str) -> forms.CharField:
    return forms.CharField(
        label=label, max_length=NAME_LENGTH, required=False, widget=UnfoldAdminTextInputWidget()
    )


class AddressField(forms.EmailField):
    """An address that an account may get: what the service would refuse is refused beside the field. Its
    domain is taken as people write it or as servers do (xn--), and shown as people do."""

    default_validators: list[Any] = []
    is_new = True  # off: it is compared with a stored one, which may be anything

    def prepare_value(self, value: Any) -> Any:
        return as_people_write(value) if isinstance(value, str) else value

    def run_validators(self, value: str) -> None:
        super().run_validators(value)
        if self.is_new and value not in self.empty_values:
            try:
                people.usable_address(value)
            except people.NotAnAddress as refusal:
                raise forms.ValidationError(str(refusal), code="invalid") from None


def email_field() -> AddressField:
    return AddressField(
        label="Email",
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(),
        error_messages={
            "required": "Enter an e-mail address; it is the login.",
        },
    )


def role_field() -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        label="Role in the team",
        queryset=Role.objects.none(),
        empty_label=None,
        widget=UnfoldAdminSelectWidget(),
        error_messages={"required": "Choose a role.", "invalid_choice": "You cannot give this role."},
    )


def student_role() -> Role | None:
    return Role.objects.filter(code="student").first()


class PersonForm(DialogForm):
    """Who is added, whether or not they have an account: into the team whose page it is."""

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


class AddUserForm(PersonForm):
    refused_at = {EmailTaken: "email", NotAnAddress: "email", IsMember: "teams", TeamIsFull: "teams"}
    field_order = ("first_name", "last_name", "email", "teams", "role", "global_role")
    teams = forms.ModelMultipleChoiceField(
        label="Teams",
        queryset=Team.objects.none(),
        widget=by_typing(Membership.team, multiple=True),
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


class ProfileForm(DialogForm):
    shows_stored = True
    refused_at = {EmailTaken: "email", NotAnAddress: "email", OwnsTeams: "is_active"}
    first_name = name_field("First name")
    last_name = name_field("Last name")
    email = email_field()
    is_active = forms.BooleanField(
        label="Account is active",
        required=False,
        help_text="Switched off, nobody can sign in to it. Enrollments in Thinkific stay as they are.",
        widget=UnfoldBooleanSwitchWidget(),
    )

    at_once = forms.BooleanField(
        label="Change the e-mail at once, without a confirmation mail",
        required=False,
        help_text="Only when you know that the address is theirs.",
        widget=UnfoldBooleanSwitchWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("first_name", "last_name", "email", "is_active"):
            self.fields[name].initial = getattr(self.obj, name)
        if self.obj == self.viewer:
            del self.fields["is_active"]  # nobody locks themselves out
        # For administrators, and not for somebody who acts as one.
        if not self.viewer.sees_everything or getattr(self.viewer, "is_hijacked", False):
            del self.fields["at_once"]

    def clean_email(self) -> str:
        return normalize_email(self.cleaned_data["email"])


class AddToTeamForm(DialogForm):
    refused_at = {TeamIsFull: "team"}
    team = forms.ModelChoiceField(
        label="Team",
        queryset=Team.objects.none(),
        widget=by_typing(Membership.team),
        error_messages={
            "required": "Choose a team.",
            "invalid_choice": "You cannot add people to this team.",
        },
    )
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
        elif not scope.roles_to_give(self.viewer, team).filter(pk=role.pk).exists():
            self.add_error("role", f"You cannot give the role {role} in {team}. Choose another.")
        return values


class HomeTeamForm(DialogForm):
    shows_stored = True
    team = forms.ModelChoiceField(
        label="Home team",
        queryset=Team.objects.none(),
        required=False,
        empty_label="None: only administrators may change the account",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "Choose one of the person's teams."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("team", Team.objects.filter(memberships__user=self.obj), now=self.obj.home_team_id)


class RoleForm(DialogForm):
    shows_stored = True
    role = role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("role", scope.roles_to_give(self.viewer, self.part.team), now=self.part.role_id)

    def locks(self) -> Team:
        """Roles are given under the lock of the team, so that it is never too full."""
        return self.part.team


class AddToGroupForm(DialogForm):
    group = forms.ModelChoiceField(
        label="Group",
        queryset=ThinkificGroup.objects.none(),
        widget=by_typing(GroupMembership.group),
        error_messages={
            "required": "Choose a group.",
            "invalid_choice": "You cannot add people to this group.",
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = scope.groups_where(self.viewer, "groups.assign", self.obj)
        self.offer("group", here)
        self.offered["group"] = groups.that_take_in(here, self.obj)
