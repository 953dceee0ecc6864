"""What a run did besides the rows of its kind: who joined which team, which accounts it made, what it sent.

Kept in the run's cursor, so that it stands or falls with the rows, and stays there when the run is over.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma

from core.wording import plural

KEPT = ("effects", "sent")  # of the cursor of a run that succeeded
ONE_AND_MANY = {
    "members": ("person came into a group", "people came into groups"),
    "members_gone": ("person left a group", "people left groups"),
    "left_teams": ("person left a team with it", "people left teams with it"),
    "accounts": ("account made", "accounts made"),
    "accounts_changed": ("account changed", "accounts changed"),
}


def add(cursor: dict[str, Any], name: str, count: int) -> None:
    """Count under one of ONE_AND_MANY."""
    if count:
        found = cursor.setdefault("effects", {})
        found[name] = found.get(name, 0) + count


def add_joined(cursor: dict[str, Any], team: int, name: str, count: int) -> None:
    """Count who joined a team (primary key, name); also nobody, where somebody asked for it."""
    joined = cursor.setdefault("effects", {}).setdefault("joined", {})
    before = joined.get(str(team), {}).get("people", 0)
    joined[str(team)] = {"name": name, "people": before + count}


def in_words(cursor: Mapping[str, Any]) -> list[str]:
    """`54 people joined Northwind Training`, `1 account made`, `12 sent to Thinkific`, …"""
    found = cursor.get("effects", {})
    said = [_joined(team["name"], team["people"]) for team in found.get("joined", {}).values()]
    for name, (one, many) in ONE_AND_MANY.items():
        if count := found.get(name, 0):
            said.append(plural(count, one, many))
    if (sent := cursor.get("sent")) is not None:
        said.append(f"{intcomma(sent.get('done', 0))} sent to Thinkific")
        if sent.get("failed"):
            said.append(f"{intcomma(sent['failed'])} could not be sent")
    return said


def _joined(team: str, people: int) -> str:
    if not people:
        return f"nobody new joined {team}"
    return f"{plural(people, 'person', 'people')} joined {team}"
