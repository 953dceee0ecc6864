"""The notice about the end of a pull, for people who wait for it."""

from core.models import Notice
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
