"""Carries out runs and pushes in the process of the test, as a worker does."""

from collections import Counter

from core.models import OutboxEntry
from core.processes import this_process
from integrations.models import SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.push.drain import drain
from integrations.thinkific.runs import fetch, lifecycle


def carry(kind, *, full=True, started_by=None, seconds=None, on_progress=None, **options) -> SyncRun:
    """Open a run and carry it out. Returns it as it is stored afterwards."""
    run, _ = lifecycle.open_run(kind, full=full, started_by=started_by, options=options)
    return go_on(run, seconds=seconds, on_progress=on_progress)


def go_on(run, **how) -> SyncRun:
    """Claim a queued run and carry it out. Returns it as it is stored afterwards."""
    claimed = lifecycle.claim(run.pk, worker=this_process())
    assert claimed is not None
    carry_out(claimed, **how)
    return SyncRun.objects.get(pk=run.pk)


def push_all(times: int = 40) -> dict[str, int]:
    """Drain until no entry waits any more. Returns the number of entries by result."""
    total: Counter[str] = Counter()
    for _ in range(times):
        total += drain(seconds=10)
        waiting = OutboxEntry.objects.filter(status=OutboxEntry.Status.PENDING)
        if not waiting.exists():
            break
        # Entries that would wait for seconds are due at once here.
        waiting.update(not_before="2020-01-01T00:00:00Z")
    return total


def short_pauses(monkeypatch) -> None:
    """Make the pauses after failed requests as short as milliseconds."""
    monkeypatch.setattr(fetch, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(fetch, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr("integrations.thinkific.client.transport.BACKOFF", 0.001)
