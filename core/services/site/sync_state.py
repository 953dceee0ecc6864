"""How a screen of core shows how the pulls stand without knowing who does them (settings.SYNC_STATE)."""

from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any, NamedTuple

from django.conf import settings


@dataclass(frozen=True)
class KindState:
    """How one kind stands: its latest run, how old its data is, and what a missing credential costs."""

    kind: str
    label: str
    run: dict[str, Any] | None = None  # the latest, as the live pages are told of it
    last_success_at: datetime | None = None
    last_try_at: datetime | None = None
    next_run_at: datetime | None = None
    every_minutes: int | None = None  # the shortest of the enabled schedules
    missing: str = ""
    verdict: str = ""  # in a word that core/pills.py knows
    errors: list[dict[str, str]] = field(default_factory=list)


class Success(NamedTuple):
    """A complete run: whatever was stored when it began has been compared with Thinkific by its end."""

    began_at: datetime
    ended_at: datetime


def states() -> dict[str, KindState]:
    """One state per kind, in the order in which kinds are shown. A constant number of queries."""
    answer: dict[str, KindState] = import_module(settings.SYNC_STATE).states()
    return answer


def last_success(kind: str, *, with_graphql: bool = False) -> Success | None:
    """The last complete run of a kind; `with_graphql`: one that asked GraphQL too. One query."""
    answer: Success | None = import_module(settings.SYNC_STATE).last_success(kind, with_graphql=with_graphql)
    return answer
