"""What the dialogs about groups of several screens have in common: their fields and their numbers."""

from django import forms
from django.db.models import QuerySet
from unfold.widgets import UnfoldAdminSelectWidget

from core.admin.kit.counting import counted
from core.models import (
    Direction,
    Role,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions import scope
from core.services import directions, groups

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


def roles_on_joining(viewer: User, team: Team | None = None) -> QuerySet[Role]:
    """The roles that people may get who join a team from a group: nobody becomes its owner so."""
    return scope.roles_to_give(viewer, team).exclude(code="owner")


def what_assigning_does(group: ThinkificGroup, team: Team, direction: str) -> str:
    """In numbers, whom it brings into the team and whom it sends to Thinkific; empty: nobody."""
    said, way = [], Direction(direction)
    if way.pulls and (count := groups.count_to_join(group, team)):
        said.append(
            f"{counted(count)} of the group {group} will join {team} with the next sync of the groups."
        )
        if others := groups_that_follow(team, besides=group):
            said.append(others)
    if way.pushes and (count := groups.count_to_push(group, team)):
        said.append(f"{counted(count)} of {team} will join the group {group} in Thinkific.")
    return " ".join(said)


def groups_that_follow(team: Team, *, besides: ThinkificGroup | None = None) -> str:
    """Where else those go who join a team; empty: nowhere."""
    count = len(set(directions.sending_groups(team.pk)) - {besides.pk if besides else None})
    if not count:
        return ""
    other = "" if besides is None else "other "
    which = f"{other}group" if count == 1 else f"{count:,} {other}groups"
    return f"The team's {which} in Thinkific will take them in."


def people_to_add(viewer: User, group: ThinkificGroup) -> QuerySet[User]:
    """Whoever somebody sees; for a manager the members of the teams that the group serves."""
    people = User.objects.filter(is_active=True, removed_at__isnull=True)
    if viewer.sees_everything:
        return people
    teams = scope.teams_where(viewer, "groups.assign").filter(group_assignments__group=group)
    return people.filter(memberships__team__in=teams).distinct()
