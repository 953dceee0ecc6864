"""Cells that name a group, a team, a direction or a role on joining.

A group is named by its Thinkific ID, its token or its exact name, a team by its ID or its exact name; they
are tried in this order. Whatever the viewer may not see is unknown.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from core.folding import fold
from core.imports.people.names import MOST_COMPARED, Finder
from core.models import Direction, Team, ThinkificGroup, User
from core.permissions import scope
from core.services.storage import bulk
from core.wording import first_of

BIGGEST = 2**63 - 1
MOST_NAMED = 5
CODE = "groups.assign"


def _numbers(names: Iterable[str]) -> set[int]:
    return {int(name) for name in names if name.isascii() and name.isdigit() and int(name) <= BIGGEST}


class MatchedGroups(Finder):
    several = False

    def __init__(self, viewer: User) -> None:
        super().__init__(viewer)
        groups = ThinkificGroup.objects.visible_to(viewer).filter(removed_at__isnull=True)
        self._here = groups if scope.holds(viewer, CODE) else groups.none()

    def find(self, names: Mapping[str, str]) -> dict[str, Any]:
        by_id = {
            str(group.thinkific_id): [group]
            for group in self._here.filter(bulk.among("thinkific_id", _numbers(names.values())))
        }
        by_token: dict[str, list[ThinkificGroup]] = {}
        for group in self._here.filter(bulk.among("token", set(names.values()) - {""})):
            by_token.setdefault(group.token, []).append(group)
        by_name: dict[str, list[ThinkificGroup]] = {}
        for group in self._here.filter(bulk.among("folded", names)):
            by_name.setdefault(fold(group.name), []).append(group)
        return {
            key: self._meant(name, by_id.get(name.lstrip("0")) or by_token.get(name) or by_name.get(key, []))
            for key, name in names.items()
        }

    def _meant(self, name: str, found: list[ThinkificGroup]) -> Any:
        if len(found) == 1:
            return found[0]
        if found:
            ids = first_of([str(group.thinkific_id or "not in Thinkific yet") for group in found], MOST_NAMED)
            return f"There are {len(found)} groups “{name}”. Write the Thinkific ID of one: {ids}."
        return f"There is no group “{name}”.{self.suggest(name) or ' Correct it, or sync the groups first.'}"

    def choices(self) -> Iterable[str]:
        return self._here.order_by("-pk").values_list("name", flat=True)[:MOST_COMPARED]


class MatchedTeams(Finder):
    several = False

    def __init__(self, viewer: User) -> None:
        super().__init__(viewer)
        self._here = scope.teams_where(viewer, CODE)

    def find(self, names: Mapping[str, str]) -> dict[str, Any]:
        by_id = {
            str(team.pk): [team] for team in self._here.filter(bulk.among("pk", _numbers(names.values())))
        }
        by_name: dict[str, list[Team]] = {}
        for team in self._here.filter(bulk.among("folded", names)):
            by_name.setdefault(fold(team.name), []).append(team)
        return {
            key: self._meant(name, by_id.get(name.lstrip("0")) or by_name.get(key, []))
            for key, name in names.items()
        }

    def _meant(self, name: str, found: list[Team]) -> Any:
        if len(found) == 1:
            return found[0]
        if found:
            ids = first_of([str(team.pk) for team in found], MOST_NAMED)
            return f"There are {len(found)} teams “{name}”. Write the ID of one: {ids}."
        helps = self.suggest(name) or " Correct it, or make the team first."
        return f"There is no team “{name}” that you may assign groups to.{helps}"

    def choices(self) -> Iterable[str]:
        return self._here.order_by("-pk").values_list("name", flat=True)[:MOST_COMPARED]


class Chosen(NamedTuple):
    """A direction, which is a text itself, as a thing that a cell means."""

    direction: Direction


class Directions(Finder):
    """By the label or the name in the API. An empty cell leaves the direction as it is; a new assignment is
    Bidirectional then."""

    several = False

    def find(self, names: Mapping[str, str]) -> dict[str, Any]:
        known = {_plain(text): Chosen(one) for one in Direction for text in (one.value, one.label)}
        labels = ", ".join(Direction.labels)
        unknown = "“{}” is no direction. Write one of: " + labels + "."
        return {key: known.get(_plain(name)) or unknown.format(name) for key, name in names.items()}

    def choices(self) -> Iterable[str]:
        return Direction.labels


def _plain(text: str) -> str:
    return fold(text).replace("-", "").replace("_", "").replace(" ", "")
