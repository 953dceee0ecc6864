"""Dialogs for users selected in the list: Add to Team, Add to Group, Enroll; for up to 500 users at once.

They use the same services and need the same rights as the dialogs on a user's page.
"""

from collections.abc import Sequence
from typing import Any

from core import moments
from core.admin.enrollments.enrolling import SHOWN, EnrollingDialog
from core.admin.groups.assigning import groups_joined_too
from core.admin.kit.counting import counted
from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.dialogs.fields import check_role
from core.admin.users.dialogs.fields import role_field, student_role
from core.admin.users.dialogs.memberships import group_field, team_field
from core.errors import names
from core.models import GroupAssignment, Membership, SeatAssignment, User
from core.permissions import scope
from core.services import groups, memberships
from core.services.enrollments import enroll_many, seat_access
from core.services.enrollments.places import Plan
from core.services.memberships import TeamIsFull
from core.wording import one_or_many, plural

IN_BACKGROUND = "The changes are sent to Thinkific in the background."


class ChosenUsers(ChosenDialog):
    is_limited = True

    def text(self) -> str:
        return f"{counted(self.chosen)}: {names(self.chosen)}. {self.question}"


class AddChosenToTeam(ChosenUsers):
    slug, label, action, code = "join-team", "Add to Team", "add_to_team", "teams.assign"
    question = "Users who are in the team already keep their role."
    refused_at = {TeamIsFull: "team"}
    no_choice = {"team": "There is no team that you may add people to."}
    team = team_field()
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
        else:
            check_role(self, role, team)
        return values

    def confirmation(self) -> str:
        team, role = self.cleaned_data["team"], self.cleaned_data["role"]
        said = f"{counted(len(self.chosen) - self.there)} will join {team} as {role}."
        if self.there:
            said += f" {_are(self.there)} in it already and will not change."
        return f"{said} {groups_joined_too(team)}".strip()

    def carry_out(self) -> Done:
        team, role = self.cleaned_data["team"], self.cleaned_data["role"]
        joined = memberships.add_members(team=team, users=self.chosen, role=role, by=self.viewer)
        said = f"{counted(joined)} joined {team}."
        return Done(said + _before(len(self.chosen) - len(joined), "in it already"))


class AddChosenToGroup(ChosenUsers):
    slug, label, action, code = "join-group", "Add to Group", "add_to_group", "groups.assign"
    question = "People can be added only to groups whose direction sends members to Thinkific."
    no_choice = {
        "group": "No group that you may add people to takes them from here: its direction must send "
        "members to Thinkific. Change it in the tab Groups of a team."
    }
    group = group_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = scope.groups_where(self.viewer, self.code)
        self.offer("group", here)
        self.offered["group"] = groups.accepting_members(here)

    def valid_for_all(self) -> dict[str, set[int]]:
        shared = scope.shared_by_all(
            self.viewer, self.code, self.chosen, GroupAssignment.objects.all(), "group"
        )
        return {} if shared is None else {"group": shared}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        group = values.get("group")
        if group is None:
            return values
        reached = scope.people_for_group(self.viewer, self.code, group)
        within = set(reached.filter(pk__in=[user.pk for user in self.chosen]).values_list("pk", flat=True))
        self.new = len(groups.not_members(group, self.chosen))
        if beyond := [user for user in self.chosen if user.pk not in within]:
            who = f"{names(beyond)} {one_or_many(len(beyond), 'is', 'are')}"
            self.add_error("group", f"{who} not in a team of yours that has {group}. Leave them out.")
        elif not self.new:
            self.add_error("group", f"{_all_of(self.chosen)} in {group} already. Choose another group.")
        return values

    def confirmation(self) -> str:
        group = self.cleaned_data["group"]
        said = f"{counted(self.new)} will be added to the group {group}, here and in Thinkific."
        there = len(self.chosen) - self.new
        return f"{said} {_are(there)} in it already." if there else said

    def carry_out(self) -> Done:
        group = self.cleaned_data["group"]
        added = groups.add_members(group=group, users=self.chosen, by=self.viewer)
        said = f"{counted(added)} joined the group {group}."
        return Done(f"{said}{_before(len(self.chosen) - added, 'in it already')} {IN_BACKGROUND}")


class EnrollChosen(ChosenUsers, EnrollingDialog):
    slug, label, action = "enroll", "Enroll", "enroll_selected"
    question = EnrollingDialog.question

    no_choice = {
        "products": "None of your teams has a seat yet that enrolls people. An administrator assigns one."
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("products", scope.products_to_give(self.viewer, None))

    def people(self) -> Sequence[User]:
        return self.chosen

    def valid_for_all(self) -> dict[str, set[int]]:
        shared = scope.shared_by_all(
            self.viewer, "enrollments.create", self.chosen, SeatAssignment.objects.all(), "product"
        )
        return {} if shared is None else {"products": shared}

    def confirmation(self) -> str:
        products = self.cleaned_data["products"]
        said = [f"{counted(self.chosen)} will be enrolled in {names(products)}, {_until(self.plan)}."]
        for pk, way in self.plan.ways_by_seat().items():
            if taken := self.plan.takes[pk]:
                left = "" if way.seat.unlimited else f" of {way.seat.max_seats or 0:,}"
                said.append(
                    f"Takes {plural(taken, 'place')} of {way.team} for {way.seat.product} "
                    f"({self.plan.used[pk]:,}{left} used before)."
                )
        if had := len(enroll_many.with_access(self.chosen, products)):
            who = "This person has" if len(self.chosen) == 1 else _have(had)
            said.append(f"{who} access already; its end will become this one.")
        shorter = self.shortened()
        for student, product, before, _ in shorter[:SHOWN]:
            ended = moments.day(before) if before else "no end"
            said.append(f"This shortens the access of {student} to {product} (now: {ended}).")
        if more := len(shorter) - SHOWN:
            said += [f"It shortens the access of {more:,} more."] if more > 0 else []
        return "\n".join([*said, *self.plan.warnings()])

    def carry_out(self) -> Done:
        products = self.cleaned_data["products"]
        had = len(enroll_many.with_access(self.chosen, products))
        seat_access.enroll_many(students=self.chosen, **self.enroll())
        verb = one_or_many(len(self.chosen), "is", "are")
        said = f"{counted(self.chosen)} {verb} enrolled in {names(products)}."
        before = "This person" if len(self.chosen) == 1 else f"{had:,} of them"
        return Done(f"{said}{f' {before} had access before.' if had else ''} {IN_BACKGROUND}")


def _until(plan: Plan) -> str:
    """Returns until when access is given: one day, or the first and the last of several."""
    ends = set(plan.ends.values())
    days = [moments.day(end) for end in sorted(end for end in ends if end)]
    if not days:
        return "without an end"
    first, last = days[0], "without an end" if None in ends else days[-1]
    return f"until {first}" if first == last else f"until {first} to {last}, as their seats say"


def _all_of(people: Any) -> str:
    return f"{people[0]} is" if len(people) == 1 else f"All {len(people):,} are"


def _are(count: int) -> str:
    return plural(count, "is", "are")


def _have(count: int) -> str:
    return f"{count:,} of them {one_or_many(count, 'has', 'have')}"


def _before(count: int, what: str) -> str:
    """Returns the sentence about users who needed no change; empty for none."""
    return f" {plural(count, 'was', 'were')} {what}." if count else ""
