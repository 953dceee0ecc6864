"""Carrying a run out in the terminal: for the commands."""

import time
from collections.abc import Callable

from core.processes import this_process
from integrations import stopping
from integrations.models import SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.runs import lifecycle

LOOK_AGAIN = 1.0  # seconds, while another process works on the run


def carry(
    kind: str, *, full: bool, say: Callable[[str], object], on_progress: Callable[[SyncRun], None]
) -> SyncRun:
    """Carry one out here, wait for the one under way, or take that over when its process has died. Told to
    stop (see stopping.py), a run of ours ends as cancelled; one of another process goes on there."""
    run, attached = lifecycle.open_run(kind, full=full, trigger=SyncRun.Trigger.COMMAND)
    if attached:
        say(f"{run} is under way already; waiting for it.")
    while run.status in SyncRun.ACTIVE and not stopping.requested():
        claimed = lifecycle.claim(run.pk, worker=this_process())
        if claimed is not None:
            carry_out(claimed, on_progress=on_progress, foreground=True)
        else:
            time.sleep(LOOK_AGAIN)
        run.refresh_from_db()
        on_progress(run)
    if run.status == SyncRun.Status.QUEUED and not attached:  # told to stop before it began
        lifecycle.cancel(run)
        run.refresh_from_db()
    return run
