"""Side effects of a run: people who joined teams, accounts that it created, changes that it sent.

They are stored in the run's cursor, in the transaction that stores the rows, and stay there when the run has
ended.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma

from core.wording import plural

KEPT = ("effects", "sent")  # of the cursor of a run that succeeded
ONE_AND_MANY = {
    "members": ("person joined a group", "people joined groups"),
    "members_gone": ("person left a group", "people left groups"),
    "left_teams": ("person left a team with it", "people left teams with it"),
    "accounts": ("account made", "accounts made"),
    "accounts_changed": ("account changed", "accounts changed"),
}


def add(cursor: dict[str, Any], name: str, count: int) -> None:
    """Add to the count of `name`, a key of ONE_AND_MANY."""
    if count:
        found = cursor.setdefault("effects", {})
        found[name] = found.get(name, 0) + count


def add_joined(cursor: dict[str, Any], team: int, name: str, count: int) -> None:
    """Add to the count of people who joined a team, given by primary key and name.

    A count of 0 is stored too: somebody asked for this team and wants to read the result.
    """
    joined = cursor.setdefault("effects", {}).setdefault("joined", {})
    before = joined.get(str(team), {}).get("people", 0)
    joined[str(team)] = {"name": name, "people": before + count}


def in_words(cursor: Mapping[str, Any]) -> list[str]:
    """Returns phrases such as `54 people joined Northwind Training`, `1 account made`."""
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
