"""Sync Enrollments with a direction: send waiting changes before enrollments are pulled, or send only."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

from django.db import connections

from core.models import OutboxEntry
from integrations.models import SyncRun
from integrations.thinkific.pull.enrollments import pull_enrollments
from integrations.thinkific.push.drain import drain
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.notices import pull_notice
from integrations.thinkific.runs.state import Place

AT_ONCE = 10.0  # seconds of sending before the counts are stored
LOOK = 0.25  # seconds between looks at the sending thread


class Sent(Place):
    """The counts of waiting changes that were sent, stored under the name `sent`."""

    done: int = 0
    retried: int = 0
    failed: int = 0
    over: int = 0


def sync_enrollments(context: RunContext) -> None:
    """Pull enrollments. With the option `direction` `both`, waiting changes are sent first; with
    `dashboard_to_thinkific` they are sent and nothing is pulled."""
    direction = context.run.options.get("direction")
    if direction in ("both", "dashboard_to_thinkific"):
        _send_waiting_changes(context)
    if direction == "dashboard_to_thinkific":
        context.run.full = False  # nothing was read: the next pull of changes begins where the last did
    else:
        pull_enrollments(context)


def _send_waiting_changes(context: RunContext) -> None:
    """Send the changes that are due, and keep the counts in the cursor."""
    if context.dry_run:
        return
    sent = context.place(Sent, "sent")
    while not sent.over:
        outcome = _drain_in_thread(context)

        def write(outcome: dict[str, int] = outcome) -> None:
            sent.done += outcome.get("done", 0)
            sent.retried += outcome.get("retried", 0)
            sent.failed += outcome.get("failed", 0)
            # Nothing was sent although changes are due: the key is refused, or another process sends them.
            sent.over = int(not outcome.get("done") or not OutboxEntry.objects.due().exists())
            if outcome.get("failed"):
                context.partial = True
                context.note("Waiting changes", f"{outcome['failed']:,} could not be sent; see them for why.")

        context.store(write)


def _drain_in_thread(context: RunContext) -> Counter[str]:
    """Drain for up to AT_ONCE seconds in another thread. This one updates the run's heartbeat meanwhile."""
    left = threading.Event()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="send") as threads:
        sending = threads.submit(_drain, left.is_set)
        try:
            while not wait([sending], timeout=LOOK).done:
                context.check_in()
        except BaseException:  # for example cancelled: the drain stops before its next change
            left.set()
            raise
        return sending.result()


def _drain(stop: Callable[[], bool]) -> Counter[str]:
    try:
        return drain(seconds=AT_ONCE, stop=stop)
    finally:
        connections.close_all()


def enrollments_notice(run: SyncRun) -> tuple[str, str, str]:
    """Returns the notice of a pull, with the number of changes that still wait to be sent."""
    return pull_notice(run, still_waiting(run.cursor))


def still_waiting(cursor: dict[str, dict[str, int]]) -> str:
    """Returns how many changes still wait, in words; empty if none do or the run was not asked to send."""
    if cursor.get("sent") is None:
        return ""
    waiting = OutboxEntry.objects.unsent().exclude(status=OutboxEntry.Status.FAILED).count()
    return f"{waiting:,} still waiting" if waiting else ""
