"""How a screen of core shows how the pulls stand without knowing who does them (settings.SYNC_STATE)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


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
    tone: str = "idle"  # good, busy, warning, bad, idle
    verdict: str = ""  # the tone in words
    errors: list[dict[str, str]] = field(default_factory=list)


def states() -> dict[str, KindState]:
    """One state per kind, in the order in which kinds are shown. A constant number of queries."""
    answer: Callable[[], dict[str, KindState]] = import_string(settings.SYNC_STATE)
    return answer()
