"""What can be done to people who were chosen in the list of users: Add to Team, Add to Group, Enroll.

As the dialogs on a person's page, by the same services and with the same rights, for up to 500 at once.
"""

from typing import Any

from django import forms

from core import moments
from core.admin.enrollments.forms import LastDayField
from core.admin.groups.assigning import groups_that_follow
from core.admin.kit.counting import counted
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.pickers import by_typing
from core.admin.kit.lists.selected import SelectedForm
from core.admin.users.dialogs.fields import role_field, student_role
from core.errors import names
from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    Membership,
    Product,
    SeatAssignment,
    Team,
    ThinkificGroup,
)
from core.permissions import scope
from core.services import groups, memberships
from core.services.enrollments import enroll_many, enrollments, seat_access
from core.services.enrollments.seat_access import HeldOtherwise
from core.services.memberships import TeamIsFull

SHOWN = 5  # of those whose access gets shorter
FOLLOWS = "Thinkific is told of one after the other."


class TeamForSelected(SelectedForm):
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
        self.offer("team", scope.teams_where(self.viewer, "teams.assign"))
        self.offer("role", scope.roles_to_give(self.viewer))
        self.suggest("role", student_role())

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        team, role = values.get("team"), values.get("role")
        if team is None or role is None:
            return values
        self.there = Membership.objects.filter(team=team, user__in=self.chosen).count()
        if self.there == len(self.chosen):
            self.add_error("team", f"{_all_of(self.chosen)} in {team} already. Choose another team.")
        elif not scope.roles_to_give(self.viewer, team).filter(pk=role.pk).exists():
            self.add_error("role", f"You cannot give the role {role} in {team}. Choose another.")
        return values

    def to_confirm(self) -> str:
        team, role = self.cleaned_data["team"], self.cleaned_data["role"]
        said = f"{counted(len(self.chosen) - self.there)} will join {team} as {role}."
        if self.there:
            said += f" {_are(self.there)} in it already, and will stay as they are."
        return f"{said} {groups_that_follow(team)}".strip()


def _join(nothing: None, form: TeamForSelected) -> Done:
    team = form.cleaned_data["team"]
    joined = memberships.add_members(
        team=team, users=form.chosen, role=form.cleaned_data["role"], by=form.viewer
    )
    said = f"{counted(joined)} joined {team}."
    return Done(said + _before(len(form.chosen) - len(joined), "in it already"))


class GroupForSelected(SelectedForm):
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
        here = scope.groups_where(self.viewer, "groups.assign")
        self.offer("group", here)
        self.offered["group"] = groups.that_take_in(here)

    def work_for_all(self) -> dict[str, set[int]]:
        shared = scope.shared_by_all(
            self.viewer, "groups.assign", self.chosen, GroupAssignment.objects.all(), "group"
        )
        return {} if shared is None else {"group": shared}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        group = values.get("group")
        if group is None:
            return values
        reached = scope.people_for_group(self.viewer, "groups.assign", group)
        within = set(reached.filter(pk__in=[user.pk for user in self.chosen]).values_list("pk", flat=True))
        self.new = len(groups.outside(group, self.chosen))
        if beyond := [user for user in self.chosen if user.pk not in within]:
            who = f"{names(beyond)} {'is' if len(beyond) == 1 else 'are'}"
            self.add_error("group", f"{who} in none of your teams that {group} serves. Choose without them.")
        elif not self.new:
            self.add_error("group", f"{_all_of(self.chosen)} in {group} already. Choose another group.")
        return values

    def to_confirm(self) -> str:
        group = self.cleaned_data["group"]
        said = f"{counted(self.new)} will be added to the group {group}, here and in Thinkific."
        there = len(self.chosen) - self.new
        return f"{said} {_are(there)} in it already." if there else said


def _join_group(nothing: None, form: GroupForSelected) -> Done:
    group = form.cleaned_data["group"]
    new = groups.add_members(group=group, users=form.chosen, by=form.viewer)
    said = f"{counted(new)} joined the group {group}."
    return Done(f"{said}{_before(len(form.chosen) - new, 'in it already')} {FOLLOWS}")


class EnrollSelected(SelectedForm):
    refused_at = {HeldOtherwise: "products"}
    products = forms.ModelMultipleChoiceField(
        label="Courses and bundles",
        queryset=Product.objects.none(),
        widget=by_typing(Enrollment.product, multiple=True),
        error_messages={
            "required": "Choose at least one course or bundle.",
            "invalid_choice": "You cannot enroll people in it: no team of yours has a seat on it.",
        },
    )
    last_day = LastDayField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("products", scope.products_to_give(self.viewer, None))
        self.suggest("last_day", enrollments.usual_last_day())

    def work_for_all(self) -> dict[str, set[int]]:
        shared = scope.shared_by_all(
            self.viewer, "enrollments.create", self.chosen, SeatAssignment.objects.all(), "product"
        )
        return {} if shared is None else {"products": shared}

    @property
    def what(self) -> str:
        return names(self.cleaned_data["products"])

    def to_confirm(self) -> str:
        products, end = self.cleaned_data["products"], moments.end_of(self.cleaned_data["last_day"])
        until = f"until {moments.day(end)}" if end else "without an end"
        said = [f"{counted(self.chosen)} will be enrolled in {self.what}, {until}."]
        if had := len(enroll_many.with_access(self.chosen, products)):
            said.append(f"{_have(had)} access already, which will get this end.")
        shorter = enroll_many.shortened(students=self.chosen, products=products, end=end)
        for student, product, before in shorter[:SHOWN]:
            ended = moments.day(before) if before else "no end"
            said.append(f"This shortens the access of {student} to {product}, which has {ended} now.")
        if more := len(shorter) - SHOWN:
            said += [f"So it does for {more:,} more."] if more > 0 else []
        return "\n".join(said)


def _enroll(nothing: None, form: EnrollSelected) -> Done:
    products = form.cleaned_data["products"]
    had = len(enroll_many.with_access(form.chosen, products))
    seat_access.enroll_many(
        students=form.chosen,
        products=products,
        expiry_date=moments.end_of(form.cleaned_data["last_day"]),
        by=form.viewer,
    )
    verb = "is" if len(form.chosen) == 1 else "are"
    said = f"{counted(form.chosen)} {verb} enrolled in {form.what}."
    return Done(f"{said}{f' {_have(had, past=True)} access before.' if had else ''} {FOLLOWS}")


def _all_of(people: Any) -> str:
    return f"{people[0]} is" if len(people) == 1 else f"All {len(people):,} are"


def _are(count: int) -> str:
    return "1 is" if count == 1 else f"{count:,} are"


def _have(count: int, *, past: bool = False) -> str:
    return f"{count:,} of them {'had' if past else 'has' if count == 1 else 'have'}"


def _before(count: int, what: str) -> str:
    """What the answer adds about those for whom there was nothing to do."""
    return f" {count:,} {'was' if count == 1 else 'were'} {what}." if count else ""


SELECTED_DIALOGS = (
    Dialog(
        "join-team",
        "Add to Team",
        may=lambda viewer, nobody: scope.holds(viewer, "teams.assign"),
        work=_join,
        form=TeamForSelected,
        text=lambda people: "Whoever is in the team already stays as they are.",
    ),
    Dialog(
        "join-group",
        "Add to Group",
        may=lambda viewer, nobody: scope.holds(viewer, "groups.assign"),
        work=_join_group,
        form=GroupForSelected,
        text=lambda people: (
            "Only groups whose direction sends members to Thinkific take people in from here."
        ),
    ),
    Dialog(
        "enroll",
        "Enroll",
        may=lambda viewer, nobody: scope.holds(viewer, "enrollments.create"),
        work=_enroll,
        form=EnrollSelected,
        text=lambda people: "Access begins now. Who had a course before goes on where they were.",
    ),
)
