"""What is told of the end of a pull: a notice to people who wait for it, and an event to webhooks."""

from typing import Any

from core.models import Notice
from core.services.webhooks.payloads import moment
from integrations.models import SyncRun
from integrations.progress import result_line
from integrations.thinkific.runs.lifecycle import url_of


def pull_notice(run: SyncRun, more: str = "") -> tuple[str, str, str]:
    """Returns level, text and address of the notice about a pull. `more` is appended to its counts."""
    counts = result_line(run)
    if more:
        counts += f"; {more}"
    what = run.get_kind_display()
    texts: dict[str, tuple[str, str]] = {
        SyncRun.Status.SUCCEEDED: (
            Notice.Level.SUCCESS,
            f"{what}: the sync is done. {counts}.",
        ),
        SyncRun.Status.PARTIAL: (
            Notice.Level.WARNING,
            f"{what}: the sync is done in part. {counts}. {_first(run)}",
        ),
        SyncRun.Status.CANCELLED: (
            Notice.Level.WARNING,
            f"{what}: the sync was cancelled. {counts}.",
        ),
    }
    failed = (Notice.Level.ERROR, f"{what}: the sync failed. {_first(run)}")
    level, text = texts.get(run.status, failed)
    return level, text, url_of(run)


def _first(run: SyncRun) -> str:
    return run.errors[0]["message"] if run.errors else ""


def outcome_of(run: SyncRun) -> dict[str, Any]:
    """Returns the payload of the event about the end of a run."""
    counts = ("created", "updated", "removed", "failed")
    return {
        "id": run.pk,
        "kind": run.kind,
        "full": run.full,
        "status": str(run.status),
        **{name: getattr(run, name) for name in counts},
        "started_at": moment(run.started_at),
        "finished_at": moment(run.finished_at),
    }
