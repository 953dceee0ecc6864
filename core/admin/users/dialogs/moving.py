"""The dialogs Move to Another Team: for a row of a user's or a team's page, and for chosen members."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from core.admin.groups.assigning import groups_joined_too
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.users.dialogs.fields import role_field
from core.admin.users.dialogs.memberships import MembershipDialog, team_field
from core.errors import names
from core.models import Membership, Role, Team, User
from core.permissions import scope
from core.services.memberships import TeamIsFull
from core.services.teams import moving
from core.wording import one_or_many, plural

STAYS = "Enrollments stay exactly as they are, and nobody is removed from a Thinkific group."


class Moving(Dialog):
    label, code = "Move to Another Team", moving.CODE
    refused_at = {TeamIsFull: "team"}
    no_choice = {"team": "There is no other team that you may add people to."}
    team = team_field()
    role = role_field("Role in the new team", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = scope.teams_where(self.viewer, self.code)
        source = self.source()
        self.offer("team", here.exclude(pk=source.pk) if source else here)
        self.offer("role", scope.roles_to_give(self.viewer))
        role: Any = self.fields["role"]
        role.empty_label = "The role that they have now"

    def source(self) -> Team | None:
        """Returns the team that they leave; None while a picker searches."""
        raise NotImplementedError

    def moved(self) -> Sequence[User]:
        raise NotImplementedError

    def move(self) -> dict[str, Any]:
        """Returns what the service is called with."""
        values = self.cleaned_data
        return {"source": self.source(), "target": values["team"], "users": self.moved(), "by": self.viewer}

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not values.get("team") or "role" in self.errors:
            return values
        if refusal := moving.obstacle(**self.move(), role=values.get("role")):
            self.refuse(refusal)
        return values

    def confirmation(self) -> str:
        source, target, role = self.source(), self.cleaned_data["team"], self.cleaned_data["role"]
        who, found = self.moved(), moving.effects(**self.move())
        joining = len(who) - found.there
        verb = one_or_many(len(who), "moves", "move")
        said = [f"{names(who)} {verb} from {source} to {target}{_as(role if joining else None)}.", STAYS]
        if found.there:
            keep = one_or_many(found.there, "keeps", "keep")
            said.append(f"{plural(found.there, 'is', 'are')} in {target} already, and {keep} the role there.")
        said.append(
            f"Their enrollments take {plural(found.takes, 'more place')} of {target}'s seats. {source} no "
            f"longer sees {plural(found.unseen, 'enrollment')}."
        )
        if joining and (joined := groups_joined_too(target)):
            said.append(joined)
        if found.homes:
            said.append(_of_the_home_team(source, target, found, len(who)))
        return "\n".join(said)

    def carry_out(self) -> Done:
        moving.move_members(**self.move(), role=self.cleaned_data["role"])
        who = self.moved()
        verb = one_or_many(len(who), "has", "have")
        return Done(f"{names(who)} {verb} moved to {self.cleaned_data['team']}. Enrollments stay.")


def _as(role: Role | None) -> str:
    return f", as {role}" if role else ""


def _of_the_home_team(source: Any, target: Team, found: moving.Effects, people: int) -> str:
    whose = "The home team" if people == 1 else f"The home team of {found.homes:,} of them"
    if found.homes_move:
        return f"{whose} moves along: managers of {target} may then change the account."
    return f"{whose} stays {source}: only an administrator can change that."


class MoveToTeam(Moving, MembershipDialog):
    slug, in_row = "move-team", "Move"

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        return moving.teams_to_move_to(viewer)

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet[Membership]:
        return moving.movable(super().rows(obj, viewer))

    def source(self) -> Team | None:
        return self.row.team if self.row else None

    def moved(self) -> Sequence[User]:
        return [self.row.user]

    def text(self) -> str:
        return f"{self.row.user} leaves {self.row.team} and joins the team that you choose. {STAYS}"
