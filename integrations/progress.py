"""The progress and the result of a run, in the words and numbers that screens show."""

from datetime import datetime
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse
from django.utils import timezone

from core.moments import is_older
from core.pills import meaning
from integrations import effects
from integrations.models import COUNTS, STALE_AFTER, Kind, SyncRun

MINUTE, HOUR = 60, 3600


def describe(run: SyncRun, now: datetime | None = None) -> dict[str, Any]:
    """Returns everything that a page shows of a run, as values for JSON."""
    now = now or timezone.now()
    active = run.status in SyncRun.ACTIVE
    return {
        "id": run.pk,
        "kind": run.kind,
        "label": run.get_kind_display(),
        "status": run.status,
        "status_label": run.get_status_display(),
        "meaning": meaning(run.status),
        "active": active,
        "percent": percent(run),
        "line": progress_line(run, now) if active else result_line(run),
        "requests": intcomma(run.requests),
        "duration": in_words(seconds_taken(run, now)),
        "counts": {name: intcomma(getattr(run, name)) for name in COUNTS},
        "guarded": run.guarded,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "url": reverse("admin:integrations_syncrun_change", args=[run.pk]),
    }


def percent(run: SyncRun) -> int | None:
    """Returns how much of the run is done, 0 to 100; None while its size is unknown."""
    if run.status in {SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL}:
        return 100
    if not run.pages_total:
        return None
    done = 100 * min(run.pages_done, run.pages_total) // run.pages_total
    return min(done, 99)  # removals and seats are still to do after the last page


def progress_line(run: SyncRun, now: datetime) -> str:
    """Returns the line of an active run: `12 of 400 pages · 1,240 rows/s · about 2 min left`.

    Parts that are not known are left out.
    """
    if run.cancel_requested_at:
        return "Stopping after the page it is on…"
    if run.status == SyncRun.Status.QUEUED:
        return "Waiting for a worker…"
    if run.heartbeat_at and is_older(run.heartbeat_at, now, than=STALE_AFTER):
        return "Its worker does not respond; another one takes over within a minute."
    parts = []
    if run.pages_total:
        parts.append(f"{intcomma(run.pages_done)} of {intcomma(run.pages_total)} pages")
    elif run.pages_done:
        parts.append(f"{intcomma(run.pages_done)} pages")
    rate = rows_per_second(run)
    if rate:
        parts.append(f"{intcomma(round(rate)) if rate >= 10 else round(rate, 1)} rows/s")
    left = seconds_left(run)
    if left is not None:
        parts.append(f"about {in_words(left)} left")
    return " · ".join(parts) or "Starting…"


def result_line(run: SyncRun) -> str:
    """Returns the line of an ended run: its side effects, then `1,204 read, 12 new, 3 changed, 1 failed`."""
    if run.kind == Kind.RECONCILIATION:
        return _parts(("compared", run.fetched), ("in step", run.unchanged), also=("waiting", run.skipped))
    if run.kind == Kind.REPAIR:
        done = ("looked at", run.fetched), ("repaired", run.updated)
        return _parts(*done, also=("not repaired", run.skipped))
    besides = effects.in_words(run.cursor)
    if run.options.get("direction") == "dashboard_to_thinkific":
        return ", ".join(besides) or "nothing was sent"
    shown = [("read", run.fetched), ("new", run.created), ("changed", run.updated), ("gone", run.removed)]
    parts = [
        f"{intcomma(count)} {word}" for word, count in shown if count or word in {"read", "new", "changed"}
    ]
    if run.failed:
        parts.append(f"{intcomma(run.failed)} failed")
    counts = ", ".join(parts)
    return f"{', '.join(besides)}; {run.get_kind_display().lower()}: {counts}" if besides else counts


def _parts(*shown: tuple[str, int], also: tuple[str, int]) -> str:
    parts = [*shown, *([also] if also[1] else [])]
    return ", ".join(f"{intcomma(count)} {word}" for word, count in parts)


def rows_per_second(run: SyncRun) -> float | None:
    return run.fetched / run.busy_seconds if run.busy_seconds > 0 and run.fetched else None


def seconds_left(run: SyncRun) -> float | None:
    """Returns the estimated seconds until the run ends; None while nothing is known.

    The estimate comes from the time of the pages done so far. If the run has planned how long the request
    budgets make it wait, that plan counts until a tenth of the pages is done.
    """
    planned = run.cursor.get("planned")
    if planned and run.pages_total:
        left = max(0, run.pages_total - run.pages_done)
        if left > planned["pages"] * 0.9:
            return float(planned["seconds"]) * min(left / planned["pages"], 1.0)
    if not run.pages_total or not run.pages_done or run.busy_seconds <= 0:
        return None
    return max(0, run.pages_total - run.pages_done) * run.busy_seconds / run.pages_done


def seconds_taken(run: SyncRun, now: datetime) -> float:
    if run.started_at is None:
        return 0.0
    return max(0.0, ((run.finished_at or now) - run.started_at).total_seconds())


def in_words(seconds: float) -> str:
    """Returns a duration in words: `8 s`, `3 min`, `2 h 5 min`."""
    if seconds < MINUTE:
        return f"{max(0, round(seconds))} s"
    if seconds < HOUR:
        return f"{round(seconds / MINUTE)} min"
    hours, rest = divmod(round(seconds / MINUTE), MINUTE)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
