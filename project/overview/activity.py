"""The activity chart of the first page: counts per day for the last thirty days."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.utils import timezone

from core import moments
from core.models import Enrollment
from integrations.models import SyncRun

DAYS = 30
COLOURS = {
    "Enrollments": "var(--color-primary-600)",
    "Completions": "var(--color-green-500)",
    "Changes synced": "var(--color-orange-400)",
}


def chart(enrollments: QuerySet[Enrollment], *, with_changes: bool) -> dict[str, Any]:
    """Returns the chart of these enrollments: totals, and data and options as JSON for Chart.js."""
    today = timezone.localdate()
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    now = timezone.now()
    lately = (now - timedelta(days=DAYS), now)  # dates of Thinkific that lie in the future do not count
    series = {
        "Enrollments": _per_day(enrollments.filter(activated_at__range=lately), "activated_at"),
        "Completions": _per_day(enrollments.filter(completed_at__range=lately), "completed_at"),
    }
    if with_changes:
        runs = SyncRun.objects.filter(created_at__range=lately).annotate(day=TruncDate("created_at"))
        changes = F("created") + F("updated") + F("removed")
        series["Changes synced"] = dict(
            runs.order_by().values("day").annotate(total=Sum(changes)).values_list("day", "total")
        )
    return {
        "totals": {name: sum(values.values()) for name, values in series.items()},
        "data": json.dumps(_data(days, series)),
        "options": json.dumps(_options(with_changes)),
        "nothing": "No enrollments in the last 30 days."
        + (" They appear here after the first sync." if with_changes else ""),
        "empty": not any(total for values in series.values() for total in values.values()),
    }


def _per_day(rows: QuerySet[Enrollment], field: str) -> dict[date, int]:
    days: Iterable[tuple[date, int]] = (
        rows.order_by()
        .annotate(day=TruncDate(field))
        .values("day")
        .annotate(total=Count("pk"))
        .values_list("day", "total")
    )
    return dict(days)


def _data(days: list[date], series: dict[str, dict[date, int]]) -> dict[str, Any]:
    datasets = []
    for name, values in series.items():
        line = name == "Changes synced"
        datasets.append(
            {
                "label": name,
                "data": [values.get(day, 0) for day in days],
                "backgroundColor": COLOURS[name],
                "borderColor": COLOURS[name],
                # An axis of its own: a site's first pull changes more than its students do in a year.
                "yAxisID": "changes" if line else "y",
                "type": "line" if line else "bar",
                "order": 0 if line else 1,
                "tension": 0.3,
                "pointRadius": 0,
                "borderWidth": 2 if line else 0,
                "borderRadius": 3,
                "maxBarThickness": 10,
            }
        )
    return {"labels": [moments.short_day(day) for day in days], "datasets": datasets}


def _options(with_changes: bool) -> dict[str, Any]:
    ticks = {"color": "#8a93a5", "precision": 0, "maxTicksLimit": 5}
    axis = {"beginAtZero": True, "border": {"display": False}, "ticks": ticks}
    scales = {
        "x": {
            "grid": {"display": False},
            "ticks": {"color": "#8a93a5", "maxRotation": 0, "autoSkipPadding": 16},
        },
        "y": {**axis, "grid": {"color": "rgba(138, 147, 165, 0.18)"}},
    }
    if with_changes:
        scales["changes"] = {**axis, "position": "right", "grid": {"display": False}}
    return {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {"legend": {"display": False}},
        "scales": scales,
    }
