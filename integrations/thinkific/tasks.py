"""The tasks of the worker. A task only starts work; the state is stored in our rows and survives a kill."""

from core.models import OutboxEntry
from core.processes import this_process
from core.services import outbox
from core.services.outbox import claims
from integrations import stopping
from integrations.models import Kind, SyncRun
from integrations.thinkific import identity_facts
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.push.drain import drain
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.webhooks.process import process

SLICE = 60.0  # seconds that a pull uses a worker before other tasks get their turn
SHORT_SLICE = 15.0  # the same for a reconciliation, which has the lowest priority


def run_pull(run_id: int) -> str:
    """Carry out a run for one slice of time and queue the rest again. Returns what happened, for the log."""
    if stopping.requested():
        for run in SyncRun.objects.active().filter(pk=run_id):
            lifecycle.wake(run)
        return "left to another worker"
    # Somebody waits for a repair, so the limit of parallel runs does not apply to it.
    is_repair = SyncRun.objects.filter(pk=run_id, kind=Kind.REPAIR).exists()
    at_most = None if is_repair else lifecycle.PULLS_AT_ONCE
    claimed = lifecycle.claim(run_id, worker=this_process(), at_most=at_most)
    if claimed is None:
        return "not claimed"
    in_background = claimed.kind == Kind.RECONCILIATION
    status = carry_out(claimed, seconds=SHORT_SLICE if in_background else SLICE)
    # Interrupted; or another process has taken the run over, and the task that is queued now does nothing.
    interrupted = status == SyncRun.Status.RUNNING
    if interrupted or (status == SyncRun.Status.QUEUED and not in_background):
        lifecycle.wake(claimed)
    else:
        lifecycle.wake_next()
    return status


def scheduled_pull(kind: str, full: bool) -> str:
    """Start a scheduled pull.

    Does nothing if no site is connected or a token that the kind needs is missing.
    """
    credentials = Credentials.from_settings()
    if not credentials.complete or (kind in ("quiz_results", "certificates") and not credentials.token):
        return "not connected"
    run, attached = lifecycle.open_run(kind, full=full, trigger=SyncRun.Trigger.SCHEDULE)
    lifecycle.wake(run)
    return f"run {run.pk}{' was under way' if attached else ''}"


def drain_outbox() -> dict[str, int]:
    """Push the changes that are due. If some are left when the time is up, the task is queued again.

    Does nothing while another process drains: that process looks for new entries after each one, so it also
    finds the entries for which this task was queued. Returns the counts of drain().
    """
    claims.free_abandoned()
    if claims.under_way_elsewhere():
        return {}
    outcome = drain(seconds=SLICE)
    if outcome["done"] and OutboxEntry.objects.due().exists():
        outbox.wake_drain()
    return dict(outcome)


def count_for_identities() -> int:
    """Count the enrollments of accounts that an administrator must decide about."""
    return identity_facts.count_enrollments()


def process_events() -> dict[str, int]:
    """Process the webhook events that wait."""
    return process(seconds=SLICE)
