"""Carrying out a run in the process of a management command."""

import time
from collections.abc import Callable

from core.processes import this_process
from integrations import stopping
from integrations.models import SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.runs import lifecycle

LOOK_AGAIN = 1.0  # seconds between looks while another process works on the run


def carry(
    kind: str, *, full: bool, say: Callable[[str], object], on_progress: Callable[[SyncRun], None]
) -> SyncRun:
    """Carry out a run of this kind here and return it when it has ended.

    If another process works on such a run already, wait for it, or take it over when that process has died.
    When this command is told to stop (see stopping.py), a run of its own ends as cancelled; a run of another
    process continues there.
    """
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
    if run.status == SyncRun.Status.QUEUED and not attached:  # we were told to stop before it began
        lifecycle.cancel(run)
        run.refresh_from_db()
    return run
