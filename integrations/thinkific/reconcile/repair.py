"""Repairs the rows of a report that a person chose. Each is read again before, so that an old report does not
overwrite newer values."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.errors import NotConnected, Refusal
from core.models import Enrollment, GroupMembership, ThinkificGroup, User
from core.services import outbox, people
from core.services.mirror.people import remove_users
from core.services.site.sync_requests import RequestedRun
from integrations.models import Drift, DriftKind, Kind, SyncRun
from integrations.thinkific.cleaning import Notes, moment
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.mapping import user_row
from integrations.thinkific.reconcile import stored
from integrations.thinkific.reconcile.again import look_again, read_again
from integrations.thinkific.reconcile.findings import Finding, Sort
from integrations.thinkific.reconcile.plan import REPAIRABLE, SENT, moved_on, plan
from integrations.thinkific.reconcile.subjects import SUBJECTS, Remote
from integrations.thinkific.runs import lifecycle
from integrations.thinkific.runs.context import RunContext

Choice, State = Drift.Choice, Drift.State
AT_ONCE = 200  # rows
REASON = "drift repaired: ours pushed"
PUSHED: dict[str, Any] = {
    "user": User,
    "enrollment": Enrollment,
    "thinkificgroup": ThinkificGroup,
    "groupmembership": GroupMembership,
}


@transaction.atomic
def start(rows: QuerySet[Drift], *, choice: str, by: User) -> RequestedRun:
    """Start to repair these rows in the background, as far as possible. Raises NotConnected and Refusal."""
    if not Credentials.from_settings().complete:
        raise NotConnected
    doable = [step.row.pk for step in plan(rows.select_related("report", "repaired_by"), choice).doable]
    mine = Drift.objects.filter(pk__in=doable, state__in=REPAIRABLE)
    if not mine.update(state=State.REPAIRING, choice=choice, repaired_by=by, outcome="", repaired_at=None):
        raise Refusal("Nothing of this can be repaired that way. Reload the page to see how it stands.")
    run, attached = lifecycle.open_run(Kind.REPAIR, started_by=by)
    lifecycle.wake(run)
    return RequestedRun(run_id=run.pk, url=lifecycle.url_of(run), attached=attached)


def sweep() -> int:
    """Handle rows that an ended run left behind. After a cancelled or failed run they are open again;
    otherwise a new run repairs them. Returns how many there were."""
    left = Drift.objects.filter(state=State.REPAIRING)
    count = left.count()
    if not count or SyncRun.objects.active().filter(kind=Kind.REPAIR).exists():
        return 0
    last = SyncRun.objects.filter(kind=Kind.REPAIR).order_by("-id").first()
    if last is not None and last.status in (SyncRun.Status.CANCELLED, SyncRun.Status.FAILED):
        left.update(state=State.OPEN, choice="", repaired_by=None)
        return count
    run, _ = lifecycle.open_run(Kind.REPAIR)
    lifecycle.wake(run)
    return count


def repair(context: RunContext) -> None:
    """Repair all rows that wait for it, including those that people add during the run."""
    waiting = Drift.objects.filter(state=State.REPAIRING).select_related("report", "repaired_by")
    while some := list(waiting.order_by("pk")[:AT_ONCE]):
        for row, read in zip(some, read_again(context, some), strict=True):
            if not waiting.filter(pk=row.pk).exists():
                continue
            context.run.pages_total = context.run.pages_done + waiting.count()
            _repair(context, row, read)


def _repair(context: RunContext, row: Drift, read: Remote) -> None:
    found, remote = look_again(context, row, read)

    def write(row: Drift = row) -> None:
        state, outcome = _carry_out(context, row, found, remote)
        values = {"state": state, "outcome": outcome, "repaired_at": context.now}
        if state == State.REFUSED and not isinstance(found, str) and row.object_id == found.object_id:
            # The next preview shows the current difference.
            values |= {"sort": found.sort, "differences": list(found.differences)}
        Drift.objects.filter(pk=row.pk, state=State.REPAIRING).update(**values)
        context.run.fetched += 1
        context.run.pages_done += 1
        context.run.updated += state in (State.PUSHED, State.TAKEN)
        context.run.unchanged += state == State.IN_STEP
        if state == State.REFUSED:
            context.run.skipped += 1
            context.note(row.label, outcome)

    context.store(write)


def _carry_out(context: RunContext, row: Drift, found: Finding | str, remote: Remote) -> tuple[str, str]:
    """Repair the row. Returns its new state, and a sentence for people."""
    if found == "waiting":
        return State.REFUSED, "A change of it waits to be sent: see Waiting changes. Nothing was changed."
    if isinstance(found, str):
        return State.IN_STEP, "Both sides agreed already when it was looked at. Nothing was changed."
    if moved := moved_on(row, found):
        return State.REFUSED, f"{moved} Nothing was changed; decide again."
    row.sort, row.differences = found.sort, list(found.differences)
    row.thinkific_id = row.thinkific_id if row.thinkific_id is not None else found.thinkific_id
    row.state = State.OPEN
    # Settings and differences may have changed since the preview.
    (step,) = [*(made := plan([row], row.choice)).doable, *made.refused]
    if step.why_not:
        return State.REFUSED, step.why_not
    if row.choice == Choice.PUSH:
        return _push(context, row, remote)
    return _take(context, row, remote)


def _push(context: RunContext, row: Drift, remote: Remote) -> tuple[str, str]:
    kind = row.report.kind
    instance = PUSHED[stored.entity(kind)].objects.select_for_update(of=("self",)).get(pk=row.object_id)
    if kind == DriftKind.USERS and row.sort == Sort.ONLY_HERE and instance.thinkific_id is not None:
        remove_users([instance.pk], source=context.source, now=context.now)
        instance.refresh_from_db()
    if kind == DriftKind.USERS and row.sort == Sort.ONLY_HERE:
        try:
            people.create_thinkific_account(instance, by=row.repaired_by)
        except Refusal as refusal:
            return State.REFUSED, str(refusal)
        return State.PUSHED, "A waiting change makes its account in Thinkific."
    if isinstance(instance, Enrollment | GroupMembership):
        type(instance).objects.filter(pk=instance.pk).update(push_state=instance.PushState.PENDING)
    names = {one["field"] for one in row.differences} & SENT.get(kind, frozenset()) - {"thinkific_id"}
    # With Thinkific's current values: if they change before ours are sent, that is found as a conflict.
    seen = _values(kind, remote[0], names) if remote else {}
    outbox.mark_stale(
        [instance],
        reason=REASON,
        last_seen={instance.pk: seen} if seen and row.sort == Sort.DIFFERS else None,
        requested_by=row.repaired_by,
    )
    return State.PUSHED, "A waiting change sends it to Thinkific."


def _values(kind: str, remote: Any, names: Iterable[str]) -> dict[str, Any]:
    """Returns the fields as the mirror would store them."""
    if kind == DriftKind.USERS:
        row = user_row(remote, Notes(), digest=None, now=timezone.now())
        return {name: row[name] for name in names}
    return {name: moment(getattr(remote, name)) for name in names}


def _take(context: RunContext, row: Drift, remote: Remote) -> tuple[str, str]:
    kind = row.report.kind
    if row.object_id is not None:
        outbox.forget_sent_values(stored.entity(kind), row.object_id)
    problems = SUBJECTS[kind].take(context, row, remote)
    if problems:
        return State.REFUSED, " ".join(problems)[:2000]
    return State.TAKEN, "Thinkific's stands here now."
