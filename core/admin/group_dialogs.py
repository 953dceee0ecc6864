"""What can be done to a group: teams and directions, members, reading it again."""

from dataclasses import replace
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminSelectWidget

from core.admin.dialogs import Dialog, DialogForm, Done
from core.admin.pickers import by_typing
from core.admin.sending import retry_rows
from core.admin.syncing import run_started
from core.models import (
    Direction,
    GroupAssignment,
    GroupMembership,
    Membership,
    Role,
    Team,
    ThinkificGroup,
    User,
)
from core.services import authority, groups

WHAT_THE_DIRECTIONS_DO = (
    "Bidirectional: who joins the team joins the group, and the other way round. Dashboard-to-Thinkific and "
    "Thinkific-to-Dashboard: one of the two. Disabled: neither. Nobody leaves anything by a choice made here."
)
NEW_MEMBERS = "For people who join the team from the group. Empty: Student."


def direction_field() -> forms.ChoiceField:
    return forms.ChoiceField(
        label="Direction",
        choices=Direction.choices,
        initial=Direction.BIDIRECTIONAL,
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "Choose one of the four directions."},
    )


def role_field() -> forms.ModelChoiceField:
    return forms.ModelChoiceField(
        label="Role on joining",
        queryset=Role.objects.none(),
        required=False,
        empty_label="Student",
        help_text=NEW_MEMBERS,
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "You cannot give this role."},
    )


class AssignForm(DialogForm):
    team = forms.ModelChoiceField(
        label="Team",
        queryset=Team.objects.none(),
        widget=by_typing(GroupAssignment.team),
        error_messages={
            "required": "Choose a team.",
            "invalid_choice": "You cannot assign groups to this team.",
        },
    )
    direction = direction_field()
    role = role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = authority.teams_where(self.viewer, "groups.assign")
        self.offer("team", here)
        served = GroupAssignment.objects.filter(group=self.obj)
        self.offered["team"] = here.exclude(pk__in=served.values("team"))
        self.offer("role", roles_on_joining(self.viewer))

    def to_confirm(self) -> str:
        return what_assigning_does(self.obj, self.cleaned_data["team"], self.cleaned_data["direction"])

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        team, role = values.get("team"), values.get("role")
        if team and role and not authority.roles_to_give(self.viewer, team).filter(pk=role.pk).exists():
            self.add_error("role", f"You cannot give the role {role} in {team}. Choose another.")
        if team and GroupAssignment.objects.filter(group=self.obj, team=team).exists():
            self.add_error("team", f"{self.obj} serves {team} already. Change its direction instead.")
        return values


class DirectionForm(DialogForm):
    shows_stored = True
    direction = direction_field()
    role = role_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("role", roles_on_joining(self.viewer, self.part.team), now=self.part.role_id)
        self.fields["direction"].initial = self.part.direction

    def to_confirm(self) -> str:
        if Direction(self.part.direction).pushes:
            return ""  # they were sent when it began
        return what_assigning_does(self.part.group, self.part.team, self.cleaned_data["direction"])


class AddMemberForm(DialogForm):
    user = forms.ModelChoiceField(
        label="User",
        queryset=User.objects.none(),
        widget=by_typing(GroupMembership.user),
        error_messages={"required": "Choose a user.", "invalid_choice": "You cannot add this person."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = people_to_add(self.viewer, self.obj)
        self.offer("user", people)
        there = GroupMembership.objects.filter(group=self.obj, removed_at__isnull=True)
        self.offered["user"] = people.exclude(pk__in=there.values("user"))


def roles_on_joining(viewer: User, team: Team | None = None) -> QuerySet[Role]:
    """The roles that people may get who join a team from a group: nobody becomes its owner so."""
    return authority.roles_to_give(viewer, team).exclude(code="owner")


def what_assigning_does(group: ThinkificGroup, team: Team, direction: str) -> str:
    """In numbers, whom it sends to Thinkific; empty: nobody."""
    if not Direction(direction).pushes:
        return ""
    count = groups.to_be_sent(group, team)
    if not count:
        return ""
    people = "1 person" if count == 1 else f"{count:,} people"
    return f"{people} of {team} will be added to {group} in Thinkific."


def people_to_add(viewer: User, group: ThinkificGroup) -> QuerySet[User]:
    """Whoever somebody sees; for a manager the members of the teams that the group serves."""
    people = User.objects.filter(is_active=True, removed_at__isnull=True)
    if viewer.sees_everything:
        return people
    teams = authority.teams_where(viewer, "groups.assign").filter(group_assignments__group=group)
    return people.filter(memberships__team__in=teams).distinct()


def may_assign(viewer: User, group: Any) -> bool:
    return authority.holds(viewer, "groups.assign")


def assignments_where(viewer: User) -> QuerySet[GroupAssignment]:
    teams = authority.teams_where(viewer, "groups.assign")
    return GroupAssignment.objects.filter(team__in=teams).select_related("group", "team", "role")


def _assign(group: ThinkificGroup, form: AssignForm) -> Done:
    assignment = groups.assign(group=group, by=form.viewer, **form.cleaned_data)
    said = format_html("{} serves {} now, {}.", group, assignment.team, assignment.get_direction_display())
    if form.pressed("and_sync"):
        return Done(format_html("{} {}", said, _read(group, form)))
    return Done(format_html("{} {}", said, who_joins(assignment)))


def who_joins(assignment: GroupAssignment) -> str:
    """What an assignment sets going, with numbers."""
    group, team, said = assignment.group, assignment.team, []
    members = GroupMembership.objects.filter(group=group, removed_at__isnull=True)
    people = Membership.objects.filter(team=team)
    if Direction(assignment.direction).pulls:
        count = members.exclude(user__in=people.values("user")).count()
        said.append(f"{_people(count)} of the group will join {team} with the next sync of the groups.")
    if Direction(assignment.direction).pushes:
        count = members.filter(user__in=people.values("user")).exclude(push_state="clean").count()
        said.append(f"{_people(count)} of {team} will join the group in Thinkific.")
    return " ".join(said)


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def change_direction(assignment: GroupAssignment, form: DirectionForm) -> Done:
    changed = groups.change_direction(assignment, by=form.viewer, **form.cleaned_data)
    said = f"{changed.group} for {changed.team}: {changed.get_direction_display()} from now on."
    return Done(f"{said} {who_joins(changed)}".strip())


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
    if authority.codes_everywhere(viewer):
        return rows
    return rows.filter(user__in=people_to_add(viewer, group).values("pk"))


def _may_change_members(viewer: User, group: ThinkificGroup | None) -> bool:
    if group is None:
        return authority.holds(viewer, "groups.assign")
    return authority.groups_where(viewer, "groups.assign").filter(pk=group.pk).exists()


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
    may_also=authority.may_start_runs,
    text=lambda group: WHAT_THE_DIRECTIONS_DO,
)
GROUP_DIALOGS = (
    _QUICK_ASSIGN,
    replace(_QUICK_ASSIGN, slug="assign-another", label="Assign Team", tab="teams"),
    Dialog(
        "sync-now",
        "Sync Now",
        may=lambda viewer, group: authority.may_start_runs(viewer),
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
        text=lambda membership: (
            f"{membership.user} leaves {membership.group}, in Thinkific too where it lets "
            "us. Teams and enrollments stay."
        ),
    ),
    retry_rows("users", "groupmembership", lambda group, viewer: GroupMembership.objects.filter(group=group)),
)
