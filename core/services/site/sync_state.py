"""The state of the pulls, for screens of core. The code that knows it is named by settings.SYNC_STATE."""

from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import Any, NamedTuple

from django.conf import settings


@dataclass(frozen=True)
class KindState:
    """The state of one kind: its latest run, the age of its data, and what a missing credential prevents."""

    kind: str
    label: str
    run: dict[str, Any] | None = None  # the latest run, in the form that open pages poll
    last_success_at: datetime | None = None
    last_try_at: datetime | None = None
    next_run_at: datetime | None = None
    every_minutes: int | None = None  # the shortest of the enabled schedules
    missing: str = ""
    verdict: str = ""  # in a word that core/pills.py knows
    errors: list[dict[str, str]] = field(default_factory=list)


class Outcome(NamedTuple):
    """How a run goes: queued, running, done or failed; `error` says why it failed."""

    status: str
    error: str
    finished_at: datetime | None


class Success(NamedTuple):
    """A complete run. It has compared everything that was stored at `began_at` with Thinkific by
    `ended_at`."""

    began_at: datetime
    ended_at: datetime


def states() -> dict[str, KindState]:
    """Returns the state of each kind, in the order of the screens. Makes a constant number of queries."""
    answer: dict[str, KindState] = import_module(settings.SYNC_STATE).states()
    return answer


def last_success(kind: str, *, with_graphql: bool = False) -> Success | None:
    """Returns the last complete run of a kind; with `with_graphql` the last one that also used GraphQL. Makes
    one query."""
    answer: Success | None = import_module(settings.SYNC_STATE).last_success(kind, with_graphql=with_graphql)
    return answer


def outcome(run_id: int) -> Outcome | None:
    """Returns how the run with this primary key goes; None when it is gone. Makes one query."""
    answer: Outcome | None = import_module(settings.SYNC_STATE).outcome(run_id)
    return answer


def people_read_at() -> datetime | None:
    """Returns when the last complete pull of people began; None before the first one. Makes one query."""
    answer: datetime | None = import_module(settings.SYNC_STATE).people_read_at()
    return answer


def kinds_read() -> list[str]:
    """Returns the kinds of people's records that were pulled before. Makes a query for each."""
    answer: list[str] = import_module(settings.SYNC_STATE).kinds_read()
    return answer
