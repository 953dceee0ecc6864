"""Dialogs for members chosen in the tab Users of a team: Add Enrollment, Add Tag, Add Group,
Move to Another Team, Remove from Team.

They are those of the list of users, limited to what belongs to this team.
"""

from collections.abc import Sequence
from typing import Any

from core.admin.kit.counting import counted
from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Done
from core.admin.users.dialogs.chosen_users import AddChosenToGroup, ChosenUsers, EnrollChosen
from core.admin.users.dialogs.memberships import end_access_field
from core.admin.users.dialogs.moving import STAYS, Moving
from core.admin.users.dialogs.tags import AddTagToChosen
from core.errors import names
from core.models import GroupAssignment, Product, SeatAssignment, SiteSettings, Team, User
from core.permissions import scope
from core.services import groups
from core.services.teams import leaving, moving
from core.wording import plural


class ChosenMembers(ChosenDialog):
    """The viewer's role in this team must have `code`."""

    @classmethod
    def may(cls, viewer: User, obj: Team | None) -> bool:
        return scope.holds_in(viewer, cls.code, obj)


class AddEnrollmentToMembers(ChosenMembers, EnrollChosen):
    slug, label, action = "add-enrollment", "Add Enrollment", "add_enrollment"

    no_choice = {
        "products": "{obj} has no seat yet that enrolls people. An administrator assigns one, in the tab "
        "Seats."
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given = SeatAssignment.objects.filter(team=self.obj, seat__active=True).values("product")
        self.offer("products", Product.objects.filter(pk__in=given, removed_at__isnull=True))

    def team(self) -> Team | None:
        return self.obj

    def valid_for_all(self) -> dict[str, set[int]]:
        return {}  # everybody chosen is in this team


class AddTagToMembers(ChosenMembers, AddTagToChosen):
    slug, label, action = "add-tag", "Add Tag", "add_tag"


class AddGroupToMembers(ChosenMembers, AddChosenToGroup):
    """For viewers who may add people to the team: its groups get its members in any case."""

    slug, label, action, code = "add-group", "Add Group", "add_to_group", "teams.assign"

    no_choice = {
        "group": "No group of {obj} takes people from here: its direction must send members to "
        "Thinkific. Attach a group, or change the direction, in the tab Groups."
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        assigned = GroupAssignment.objects.filter(team=self.obj).values("group")
        here = scope.groups_where(self.viewer, self.code).filter(pk__in=assigned)
        self.offer("group", here)
        self.offered["group"] = groups.accepting_members(here)

    def valid_for_all(self) -> dict[str, set[int]]:
        return {}


class MoveMembers(Moving, ChosenMembers, ChosenUsers):
    slug, action = "move", "move_to_team"
    question = STAYS

    @classmethod
    def may(cls, viewer: User, obj: Team | None) -> bool:
        return scope.holds_in(viewer, cls.code, obj) and moving.teams_to_move_to(viewer, obj)

    def source(self) -> Team | None:
        return self.obj

    def moved(self) -> Sequence[User]:
        return self.chosen


class RemoveMembers(ChosenMembers, ChosenUsers):
    slug, label, action, code = "remove", "Remove from Team", "remove_from_team", "teams.assign"
    danger = True
    end_access = end_access_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggest("end_access", False)
        if self.obj is None or not scope.holds_in(self.viewer, "enrollments.delete", self.obj):
            del self.fields["end_access"]

    def text(self) -> str:
        said = f"{super().text()} They leave {self.obj}.".replace("  ", " ")
        said += self._what_of_the_last_team()
        given = leaving.given_by(self.obj, self.chosen).count()
        return (
            f"{said} Seats of this team gave them {plural(given, 'running enrollment')}." if given else said
        )

    def _what_of_the_last_team(self) -> str:
        """Returns a sentence about members without another team. Only viewers who see all teams are told who
        these are."""
        default = SiteSettings.load().default_team_id
        no_default = default is None or default == self.obj.pk
        if not self.viewer.sees_everything:
            stay = "cannot be removed: the settings name no default team"
            return f" Who is in no other team {stay if no_default else 'joins the default team'}."
        alone = leaving.without_another_team(self.obj, self.chosen)
        if not alone:
            return ""
        ends = (
            "cannot be removed, as Settings name no default team"
            if no_default
            else "will join the default team"
        )
        return f" {counted(alone)} of them, in no other team, {ends}."

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        rows = scope.memberships_where(self.viewer, self.code).filter(team=self.obj)
        mine = set(rows.filter(user__in=self.chosen).values_list("user", flat=True))
        if above := [user for user in self.chosen if user.pk not in mine]:
            self.add_error(None, f"You cannot remove {names(above)}: their role has more rights than yours.")
        return values

    def carry_out(self) -> Done:
        left = leaving.remove_members(
            team=self.obj,
            users=self.chosen,
            end_access=self.cleaned_data.get("end_access", False),
            by=self.viewer,
        )
        said = f"{counted(left.people)} left {self.obj}."
        if left.ended:
            return Done(f"{said} {plural(left.ended, 'enrollment')} ended.")
        return Done(f"{said} Their enrollments stay.")


def members_as_users(rows: Any) -> Any:
    """Returns the users of these memberships: what the dialogs are about."""
    return User.objects.filter(pk__in=rows.order_by().values("user"))


MEMBER_ACTIONS = (AddEnrollmentToMembers, AddTagToMembers, AddGroupToMembers, MoveMembers, RemoveMembers)
