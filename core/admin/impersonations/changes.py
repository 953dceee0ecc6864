"""What was done in an impersonation: rows of all histories, what was sent to Thinkific, runs started."""

from typing import Any
from urllib.parse import urlencode

from django.apps import apps
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.admin.kit import cells
from core.admin.kit.recorded import RECORDED, shown
from core.models import ImpersonationSession, OutboxEntry
from core.pills import pill_of

SHOWN = 100  # the newest of each; the screen History has all changes, in pages


def changes_of(session: ImpersonationSession) -> dict[str, Any]:
    """Returns the context for `dashboard/impersonation_changes.html`. The number of queries does not depend
    on the number of changes."""
    rows = []
    for kind in RECORDED.values():
        rows += [(kind, row) for row in in_session(kind.rows(), session)[: SHOWN + 1]]
    rows.sort(key=lambda pair: (pair[1].history_date, pair[1].history_id), reverse=True)
    return {
        "changes": shown(rows[:SHOWN]),
        "more_changes": len(rows) > SHOWN,
        "history_url": f"{reverse('admin:history')}?{urlencode({'impersonation': session.pk})}",
        "others": _others(session),
    }


def in_session(rows: QuerySet, session: ImpersonationSession) -> QuerySet:
    """Returns the rows of a history that were written in the impersonation. The administrator is named too,
    because that column has an index."""
    return rows.filter(impersonator=session.impersonator_id, impersonation=session)


def _others(session: ImpersonationSession) -> list[tuple[str, list[list[SafeString | str]]]]:
    """Returns headings, each with rows of cells: what was sent to Thinkific, and the runs started."""
    state = pill_of("status")
    entries = OutboxEntry.objects.filter(impersonation=session).select_related("person").order_by("-id")
    sent = [
        [
            cells.moment(entry.created_at),
            cells.link(entry, capfirst(entry.reason)),
            cells.text(entry.person) if entry.person else "",
            state(entry),
        ]
        for entry in entries[:SHOWN]
    ]
    runs = apps.get_model("integrations", "SyncRun")._default_manager
    started = [
        [cells.moment(run.created_at), cells.link(run), "", state(run)]
        for run in runs.filter(impersonation=session).order_by("-id")[:SHOWN]
    ]
    return [(title, rows) for title, rows in (("Sent to Thinkific", sent), ("Runs started", started)) if rows]
