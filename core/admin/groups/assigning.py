"""Fields and texts that the dialogs about groups on several screens share."""

from django import forms
from django.db.models import QuerySet
from unfold.widgets import UnfoldAdminSelectWidget

from core.admin.kit.counting import counted
from core.models import (
    Direction,
    GroupAssignment,
    Role,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions import scope
from core.services import directions, groups
from core.wording import one_or_many

WHAT_THE_DIRECTIONS_DO = (
    "Bidirectional: members of the team join the group, and members of the group join the team. "
    "Dashboard-to-Thinkific: only the first. Thinkific-to-Dashboard: only the second. Disabled: neither. "
    "Nobody is removed from a team or a group by this."
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


def roles_on_joining(viewer: User, team: Team | None = None) -> QuerySet[Role]:
    """Returns the roles for people who join a team from a group, beside Student, which is the empty choice:
    all that the viewer may give, except owner."""
    return scope.roles_to_give(viewer, team).exclude(code__in=["owner", "student"])


def stored_role(assignment: GroupAssignment) -> int | None:
    """Returns the stored role (primary key); None for Student, which is the empty choice."""
    role = assignment.role
    return None if role is None or role.code == "student" else role.pk


def what_assigning_does(group: ThinkificGroup, team: Team, direction: str) -> str:
    """Returns sentences with the numbers of people who will join the team or the group; empty for nobody."""
    said, chosen = [], Direction(direction)
    if chosen.pulls and (count := groups.count_to_join(group, team)):
        said.append(
            f"{counted(count)} of the group {group} will join {team} with the next sync of the groups."
        )
        if others := groups_joined_too(team, other_than=group):
            said.append(others)
    if chosen.pushes and (count := groups.count_to_push(group, team)):
        said.append(f"{counted(count)} of {team} will join the group {group} in Thinkific.")
    return " ".join(said)


def groups_joined_too(team: Team, *, other_than: ThinkificGroup | None = None) -> str:
    """Returns a sentence about the groups that new members of the team join too; empty for none."""
    count = len(set(directions.sending_groups(team.pk)) - {other_than.pk if other_than else None})
    if not count:
        return ""
    other = "" if other_than is None else "other "
    which = one_or_many(count, f"{other}group", f"{count:,} {other}groups")
    return f"They will also join the team's {which} in Thinkific."


def people_to_add(viewer: User, group: ThinkificGroup) -> QuerySet[User]:
    """Returns the users that the viewer may add to the group: for team managers, the members of their teams
    that the group is assigned to."""
    people = User.objects.filter(is_active=True, removed_at__isnull=True)
    if viewer.sees_everything:
        return people
    teams = scope.teams_where(viewer, "groups.assign").filter(group_assignments__group=group)
    return people.filter(memberships__team__in=teams).distinct()
