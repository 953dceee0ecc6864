"""Entry points for the worker. A task is only a wake-up: what must survive a kill is on rows of ours."""

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

SLICE = 60.0  # seconds that a pull keeps a worker before it lets others go first
SHORT_SLICE = 15.0  # of a reconciliation, which whoever waits goes before


def run_pull(run_id: int) -> str:
    """Carry a run out for a while; the rest is left to the next wake-up. Returns what happened."""
    if stopping.requested():
        for run in SyncRun.objects.active().filter(pk=run_id):
            lifecycle.wake(run)
        return "left to another worker"
    # Somebody waits for a repair, so it goes beside whatever runs.
    is_repair = SyncRun.objects.filter(pk=run_id, kind=Kind.REPAIR).exists()
    at_most = None if is_repair else lifecycle.PULLS_AT_ONCE
    claimed = lifecycle.claim(run_id, worker=this_process(), at_most=at_most)
    if claimed is None:
        return "not claimed"
    in_background = claimed.kind == Kind.RECONCILIATION
    status = carry_out(claimed, seconds=SHORT_SLICE if in_background else SLICE)
    interrupted = status == SyncRun.Status.RUNNING  # or another process has it, and refuses this wake-up
    if interrupted or (status == SyncRun.Status.QUEUED and not in_background):
        lifecycle.wake(claimed)
    else:
        lifecycle.wake_next()
    return status


def scheduled_pull(kind: str, full: bool) -> str:
    """Start a pull that is due. Without a site there is nothing to do, and nothing to complain about."""
    credentials = Credentials.from_settings()
    if not credentials.complete or (kind in ("quiz_results", "certificates") and not credentials.token):
        return "not connected"
    run, attached = lifecycle.open_run(kind, full=full, trigger=SyncRun.Trigger.SCHEDULE)
    lifecycle.wake(run)
    return f"run {run.pk}{' was under way' if attached else ''}"


def drain_outbox() -> dict[str, int]:
    """Push what is due; what is still due when the time is up gets another wake-up.

    Nothing to do while another process is at it: it looks again after each entry that it has, so it finds
    whatever was committed before this wake-up.
    """
    claims.free_abandoned()
    if claims.under_way_elsewhere():
        return {}
    outcome = drain(seconds=SLICE)
    if outcome["done"] and OutboxEntry.objects.due().exists():
        outbox.wake_drain()
    return dict(outcome)


def count_for_identities() -> int:
    """Ask Thinkific what the people have about whom an administrator must decide."""
    return identity_facts.count_enrollments()


def process_events() -> dict[str, int]:
    """Act upon the webhooks that wait."""
    return process(seconds=SLICE)
