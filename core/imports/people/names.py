"""Cells that name things: teams, roles, groups, tags and products. Each different cell is looked up once, all
new ones of a chunk of lines together."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

from core.folding import fold, searched, tidy_name
from core.imports.people.columns import SEPARATOR
from core.models import GroupAssignment, Product, Role, Tag, Team, ThinkificGroup, User
from core.models.tags_and_notes import TAG_NAME_LENGTH
from core.permissions import scope
from core.permissions.role_offers import RoleOffers
from core.services import groups
from core.services.directions import PUSHING
from core.services.storage import bulk
from core.services.teams.teams import TEAM_NAME_LENGTH
from core.wording import first_of, listed

MOST_KEPT = 20_000  # cells that are remembered
MOST_SUGGESTIONS = 100  # comparing a name with all others takes long
MOST_COMPARED = 3_000
# Who imports people into a team makes accounts for it and adds people who have one.
NEEDED = ("tools.csv", "users.create", "teams.assign")


class Cell(NamedTuple):
    """What a cell means, or what is wrong with it."""

    things: tuple[Any, ...]
    problem: str = ""


@dataclass(frozen=True)
class NewThing:
    """A team or a tag that the import makes."""

    name: str

    pk = None

    def __str__(self) -> str:
        return self.name


EMPTY = Cell(())


def same(new: dict[str, NewThing], name: str) -> NewThing:
    """Returns the one thing of this name, however it is written in other lines."""
    return new.setdefault(fold(name), NewThing(name))


class Finder:
    """Looks cells up. `find` says what each name means: a thing, or a text that says why it means none."""

    several = True

    def __init__(self, viewer: User) -> None:
        self.viewer = viewer
        self.cells: dict[str, Cell] = {"": EMPTY}
        self.new: dict[str, NewThing] = {}  # by folded name: to be made
        self._suggested = 0
        self._names: list[str] | None = None

    def learn(self, cells: Iterable[str]) -> dict[str, Cell]:
        """Look up those of these cells that are not known yet. Returns all that are known."""
        if len(self.cells) > MOST_KEPT:
            self.cells = {"": EMPTY}
        new = {cell: self.split(cell) for cell in dict.fromkeys(cells) if cell not in self.cells}
        if new:
            wanted: dict[str, str] = {}
            for name in (name for names in new.values() for name in names):
                wanted.setdefault(fold(name), name)
            meant = self.find(wanted)
            for cell, names in new.items():
                things = [meant[fold(name)] for name in names]
                wrong = [thing for thing in things if isinstance(thing, str)]
                self.cells[cell] = Cell((), " ".join(wrong)) if wrong else Cell(tuple(dict.fromkeys(things)))
        return self.cells

    def forget_new(self) -> None:
        """Look up again what was to be made: it is there now."""
        new = set(self.new.values())
        self.new = {}
        self.cells = {cell: meant for cell, meant in self.cells.items() if new.isdisjoint(meant.things)}

    def split(self, cell: str) -> list[str]:
        parts = cell.split(SEPARATOR) if self.several else [cell]
        return list(filter(None, map(tidy_name, parts)))

    def find(self, names: Mapping[str, str]) -> dict[str, Any]:
        raise NotImplementedError

    def choices(self) -> Iterable[str]:
        """Returns the names that the viewer could have meant."""
        raise NotImplementedError

    def suggest(self, name: str) -> str:
        """Returns the end of a sentence with similar names that the viewer may know; often empty."""
        self._suggested += 1
        if self._suggested > MOST_SUGGESTIONS:
            return ""
        if self._names is None:
            self._names = list(self.choices())[:MOST_COMPARED]
        by_fold = {fold(known): known for known in self._names}
        near = get_close_matches(fold(name), by_fold, n=2, cutoff=0.75)
        return f" Did you mean {' or '.join(f'“{by_fold[one]}”' for one in near)}?" if near else ""


class Teams(Finder):
    def __init__(self, viewer: User, *, create: bool) -> None:
        super().__init__(viewer)
        self.create = create
        here = [set(scope.teams_where(viewer, code).values_list("pk", flat=True)) for code in NEEDED]
        self._own = None if viewer.sees_everything else set.intersection(*here)
        self.everywhere = viewer.sees_everything and set(NEEDED) <= scope.codes_everywhere(viewer)

    def may(self, team: Team) -> bool:
        return self.everywhere if self._own is None else team.pk in self._own

    def find(self, names: Mapping[str, str]) -> dict[str, Any]:
        rows = Team.objects.filter(bulk.among("folded", names)).order_by("-archived_at", "pk")
        found: dict[str, Team] = {}
        for team in rows:
            if self.may(team) and (team.archived_at is None or team.folded not in found):
                found[team.folded] = team
        return {key: self._meant(found.get(key), name) for key, name in names.items()}

    def _meant(self, team: Team | None, name: str) -> Any:
        if team is not None:
            if team.archived_at is not None:
                return f"{team} is archived, and nobody can join it. Restore it, or choose another team."
            return team
        if self.create:
            if len(name) > TEAM_NAME_LENGTH:
                return f"The name of the team has {len(name)} characters; {TEAM_NAME_LENGTH} is the most."
            return same(self.new, name)
        where = "There is no team" if self.everywhere else "You cannot import people into a team"
        helps = self.suggest(name) or (
            " Correct the name, make the team first, or let the import create missing teams."
            if self.everywhere
            else " Correct the name."
        )
        return f"{where} “{name}”.{helps}"

    def choices(self) -> Iterable[str]:
        teams = Team.objects.filter(archived_at__isnull=True)
        if self._own is not None:
            teams = teams.filter(pk__in=self._own)
        return teams.order_by("-pk").values_list("name", flat=True)[:MOST_COMPARED]


class Roles(Finder):
    several = False

    def __init__(self, viewer: User) -> None:
        super().__init__(viewer)
        self.roles = list(Role.objects.filter(is_global=False).order_by("pk"))
        self.offers = RoleOffers.read()
        self.student = next(role for role in self.roles if role.code == "student")
        self._may: dict[tuple[int | None, int], bool] = {}

    def find(self, names: Mapping[str, str]) -> dict[str, Any]:
        known = {fold(role.code): role for role in self.roles if role.code}
        known |= {fold(role.name): role for role in self.roles}
        return {key: known.get(key) or self._unknown(name) for key, name in names.items()}

    def _unknown(self, name: str) -> str:
        given = first_of(list(self.choices()), most=5)
        return f"There is no role “{name}” for teams.{self.suggest(name) or f' There are {given}.'}"

    def choices(self) -> Iterable[str]:
        return [role.name for role in self.roles if role.code != "owner"]

    def why_not(self, role: Role, team: Any) -> str:
        """Returns why the viewer cannot give the role in the team; empty when they can."""
        key = (team.pk, role.pk)
        if key not in self._may:
            everywhere = team.pk is None or self.viewer.sees_everything
            codes = (
                scope.codes_everywhere(self.viewer) if everywhere else scope.codes_in(self.viewer, team.pk)
            )
            self._may[key] = self.offers.may_give(role, team.pk or 0, codes)
        if self._may[key]:
            return ""
        if role.code == "owner":
            return "Change Owner on a team's page makes somebody its owner. Choose another role."
        if not self.offers.takes(role, team.pk or 0):
            return f"The role {role} is not offered in {team}. Choose another role."
        return f"You cannot give the role {role} in {team}: it has rights that you do not have there."


class Groups(Finder):
    def __init__(self, viewer: User) -> None:
        super().__init__(viewer)
        self._here = scope.groups_where(viewer, "teams.assign")
        self.teams: dict[int, set[int]] = {}  # of each group that was found

    def find(self, names: Mapping[str, str]) -> dict[str, Any]:
        found = {group.folded: group for group in self._here.filter(bulk.among("folded", names))}
        keys = [group.pk for group in found.values()]
        sent: set[int] = set()
        rows = GroupAssignment.objects.filter(group__in=keys).order_by()
        for group, team, direction in rows.values_list("group", "team", "direction"):
            self.teams.setdefault(group, set()).add(team)
            sent |= {group} if direction in PUSHING else set()
        return {key: self._meant(found.get(key), name, sent) for key, name in names.items()}

    def _meant(self, group: ThinkificGroup | None, name: str, sent: Collection[int]) -> Any:
        if group is None:
            return f"There is no group “{name}”.{self.suggest(name) or ' Correct the name.'}"
        return group if group.pk in sent else groups.not_sent(group)

    def choices(self) -> Iterable[str]:
        return self._here.order_by("-pk").values_list("name", flat=True)[:MOST_COMPARED]


class Tags(Finder):
    def __init__(self, viewer: User, *, create: bool) -> None:
        super().__init__(viewer)
        self.create = create
        self._here = Tag.objects.visible_to(viewer)

    def find(self, names: Mapping[str, str]) -> dict[str, Any]:
        found = {tag.folded: tag for tag in self._here.filter(bulk.among("folded", names))}
        return {key: found.get(key) or self._new(name) for key, name in names.items()}

    def _new(self, name: str) -> Any:
        if not self.create:
            helps = self.suggest(name) or " Correct the name, or let the import create missing tags."
            return f"There is no tag “{name}”.{helps}"
        if len(name) > TAG_NAME_LENGTH:
            return f"The tag has {len(name)} characters; {TAG_NAME_LENGTH} is the most."
        return same(self.new, name)

    def choices(self) -> Iterable[str]:
        return self._here.order_by("-pk").values_list("name", flat=True)[:MOST_COMPARED]


_ID = re.compile(r"(?:(course|bundle)\s*[:#]?\s*)?(\d{1,18})", re.IGNORECASE)


class Products(Finder):
    """By productable id ("1379051", "Course 1379051"), or by the whole name."""

    def __init__(self, viewer: User) -> None:
        super().__init__(viewer)
        self._here = scope.products_to_give(viewer, None)

    def find(self, names: Mapping[str, str]) -> dict[str, Any]:
        ids = {key: found for key, name in names.items() if (found := _ID.fullmatch(name))}
        by_id: dict[int, list[Product]] = {}
        for product in self._here.filter(
            bulk.among("productable_id", {int(found[2]) for found in ids.values()})
        ):
            by_id.setdefault(product.productable_id, []).append(product)
        by_name: dict[str, list[Product]] = {}
        for product in self._here.filter(bulk.among("folded", map(searched, names.values()))):
            by_name.setdefault(fold(product.name), []).append(product)
        meant = {}
        for key, name in names.items():
            some = by_name.get(key, [])
            if (found := ids.get(key)) is not None:
                kind = (found[1] or "").lower()
                numbered = by_id.get(int(found[2]), [])
                some = [one for one in numbered if kind in ("", one.productable_type.lower())] or some
            meant[key] = some[0] if len(some) == 1 else self._unclear(name, some)
        return meant

    def _unclear(self, name: str, some: list[Product]) -> str:
        if not some:
            return f"There is no product “{name}” that you can enroll people in.{self.suggest(name)}"
        ids = listed([f"“{one.productable_type} {one.productable_id}”" for one in some[:5]])
        return f"“{name}” means {len(some)} products. Write which one: {ids}."

    def choices(self) -> Iterable[str]:
        return self._here.order_by("-pk").values_list("name", flat=True)[:MOST_COMPARED]
