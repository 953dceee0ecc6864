"""What can be done to a team: making one, its people, its groups."""

from dataclasses import replace
from typing import Any

from django import forms
from django.db.models import QuerySet

from core.admin.groups import assigning as group_forms
from core.admin.groups import dialogs as group_dialogs
from core.admin.groups.assigning import direction_field
from core.admin.groups.dialogs import assignments_where, may_assign
from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, DialogForm, Done
from core.admin.kit.dialogs.pickers import by_typing
from core.admin.kit.sync.sending import retry_rows
from core.admin.teams.details import TEAM_DETAIL_DIALOGS, description_field, name_field, organization_field
from core.admin.users.dialogs import memberships as user_dialogs
from core.admin.users.dialogs.fields import PersonForm, RoleForm, role_field, student_role
from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    Invitation,
    Membership,
    Role,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions import scope
from core.services import invitations, memberships, teams
from core.services.memberships import TeamIsFull


class AddTeamForm(DialogForm):
    name = name_field()
    description = description_field()
    owner = forms.ModelChoiceField(
        label="Owner",
        queryset=User.objects.filter(is_active=True),
        widget=by_typing(Team.owner),
        help_text="Is a member too, and can be replaced, not removed.",
        error_messages={"required": "Every team has an owner; choose one."},
    )
    organization = organization_field()

    def refuse(self, refusal: Exception) -> None:
        self.add_error("name", str(refusal))


class AddPersonForm(DialogForm):
    refused_at = {TeamIsFull: "user"}
    user = forms.ModelChoiceField(
        label="User",
        queryset=User.objects.none(),
        widget=by_typing(Membership.user),
        error_messages={"required": "Choose a user.", "invalid_choice": "You cannot add this person."},
    )
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


class AttachGroupForm(DialogForm):
    group = forms.ModelChoiceField(
        label="Group",
        queryset=ThinkificGroup.objects.none(),
        widget=by_typing(GroupMembership.group),
        error_messages={"required": "Choose a group.", "invalid_choice": "You cannot attach this group."},
    )
    direction = direction_field()
    role = forms.ModelChoiceField(
        label="Role on joining",
        queryset=Role.objects.none(),
        required=False,
        empty_label="Student",
        help_text=group_forms.NEW_MEMBERS,
        widget=group_forms.role_field().widget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = ThinkificGroup.objects.visible_to(self.viewer).filter(removed_at__isnull=True)
        self.offer("group", here)
        served = GroupAssignment.objects.filter(team=self.obj)
        self.offered["group"] = here.exclude(pk__in=served.values("group"))
        self.offer("role", group_forms.roles_on_joining(self.viewer, self.obj))

    def to_confirm(self) -> str:
        values = self.cleaned_data
        return group_forms.what_assigning_does(values["group"], self.obj, values["direction"])

    def clean_group(self) -> ThinkificGroup:
        group = self.cleaned_data["group"]
        if GroupAssignment.objects.filter(group=group, team=self.obj).exists():
            raise forms.ValidationError(f"{group} serves {self.obj} already. Change its direction instead.")
        return group


def may_add(viewer: User, nothing: None = None) -> bool:
    return "teams.create" in scope.codes_everywhere(viewer)


def _add(nothing: None, form: AddTeamForm) -> Done:
    team = teams.create(by=form.viewer, **form.cleaned_data)
    return Done(f"{team} is made. Add people, groups and seats next.", cells.detail_url(team))


def _may(code: str) -> Any:
    return lambda viewer, team: scope.holds_in(viewer, code, team)


def _may_bring(viewer: User, team: Team) -> bool:
    """Whether or not there is an account already is not asked, so both rights are needed."""
    both = scope.teams_where(viewer, "users.create") & scope.teams_where(viewer, "teams.assign")
    return both.filter(pk=team.pk).exists()


def _may_agree_for_others(viewer: User, team: Team) -> bool:
    return "teams.assign" in scope.codes_everywhere(viewer)


def _add_person(team: Team, form: AddPersonForm) -> Done:
    user, role = form.cleaned_data["user"], form.cleaned_data["role"]
    memberships.add_member(team=team, user=user, role=role, by=form.viewer)
    return Done(f"{user} is in {team} now, as {role}. Groups that the team sends to Thinkific take them in.")


def _members(team: Team, viewer: User) -> QuerySet[Membership]:
    rows = scope.memberships_where(viewer, "teams.assign").filter(team=team)
    return rows.select_related("team", "role", "user")


def _invitations(team: Team, viewer: User) -> QuerySet[Invitation]:
    rows = Invitation.objects.filter(team=team, team__in=scope.teams_where(viewer, "teams.assign"))
    return rows.select_related("team", "user", "role", "invited_by")


def _send_again(invitation: Invitation, form: DialogForm) -> Done:
    invitations.send_again(invitation, by=form.viewer)
    return Done(f"A new link goes to {invitation.address}. Older ones no longer work.")


def _withdraw(invitation: Invitation, form: DialogForm) -> Done:
    invitations.withdraw(invitation, by=form.viewer)
    return Done(f"{invitation.address} is no longer invited to {invitation.team}. The link no longer works.")


def _add_invited(invitation: Invitation, form: DialogForm) -> Done:
    membership = invitations.accept(invitation, by=form.viewer)
    return Done(f"{membership.user} is in {membership.team} now, as {membership.role}.")


def _attach(team: Team, form: AttachGroupForm) -> Done:
    return Done(group_dialogs.assigned(form.cleaned_data["group"], team, form))


def _assignments(team: Team, viewer: User) -> QuerySet[GroupAssignment]:
    return assignments_where(viewer).filter(team=team)


def _enrollments(team: Team, viewer: User) -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(user__in=Membership.objects.filter(team=team).values("user"))


TEAM_DIALOGS = (
    Dialog("add", "Add Team", may=may_add, work=_add, form=AddTeamForm, about_new=True),
    *TEAM_DETAIL_DIALOGS,
    Dialog(
        "add-user",
        "Add User",
        may=_may_bring,
        work=user_dialogs.bring_into,
        form=PersonForm,
        tab="users",
        icon="person_add",
        text=lambda team: (
            "A person without an account gets one. Somebody in a team of yours joins with the account as it "
            "is. Anybody else who has an account is invited, and joins when they agree."
        ),
    ),
    Dialog(
        "add-person",
        "Add Existing User",
        may=_may("teams.assign"),
        work=_add_person,
        form=AddPersonForm,
        tab="users",
        icon="group_add",
        text=lambda team: "Somebody whom you see under Users already.",
    ),
    Dialog(
        "change-role",
        "Change Role",
        may=_may("teams.assign"),
        work=user_dialogs.change_role,
        form=RoleForm,
        tab="users",
        parts=lambda team, viewer: user_dialogs.not_the_owner(_members(team, viewer)),
    ),
    Dialog(
        "remove-person",
        "Remove from Team",
        may=_may("teams.assign"),
        work=user_dialogs.leave,
        tab="users",
        danger=True,
        parts=_members,
        offered_for=memberships.that_can_end,
        text=user_dialogs.what_leaving_does,
    ),
    Dialog(
        "send-invitation-again",
        "Send Again",
        may=_may("teams.assign"),
        work=_send_again,
        tab="invitations",
        parts=_invitations,
        text=lambda invitation: f"Sends {invitation.address} a new link. Older ones no longer work.",
    ),
    Dialog(
        "withdraw-invitation",
        "Withdraw",
        may=_may("teams.assign"),
        work=_withdraw,
        tab="invitations",
        danger=True,
        parts=_invitations,
        text=lambda invitation: f"{invitation.address} can no longer join {invitation.team} by the link.",
    ),
    Dialog(
        "add-invited",
        "Add Now",
        may=_may_agree_for_others,
        work=_add_invited,
        tab="invitations",
        parts=_invitations,
        text=lambda invitation: (
            f"{invitation.user} joins {invitation.team} as {invitation.role}, without answering the mail. "
            "The team then sees what they do in the courses that it has places in. Do it when you know that "
            "they agree."
        ),
    ),
    Dialog(
        "attach-group",
        "Attach Group",
        may=_may("groups.assign"),
        work=_attach,
        form=AttachGroupForm,
        tab="groups",
        icon="add",
        text=lambda team: group_forms.WHAT_THE_DIRECTIONS_DO,
    ),
    *(
        replace(dialog, tab="groups", may=may_assign, parts=_assignments)
        for dialog in group_dialogs.GROUP_DIALOGS
        if dialog.slug in {"change-direction", "unassign"}
    ),
    retry_rows("enrollments", "enrollment", _enrollments),
)
