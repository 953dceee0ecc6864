"""Jobs of the REST API: what a call left to do, and how it goes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Model, Q

from core.models import Job, JobChange, OutboxEntry, User
from core.services.site import sync_state
from core.services.storage import bulk

MOST_ERRORS = 100  # that an answer lists
Status = OutboxEntry.Status


@dataclass
class JobState:
    """How far a job is. `done` and `failed` count changes, `total` all of them."""

    status: str  # queued, running, done, failed
    total: int = 0
    done: int = 0
    failed: int = 0
    errors: list[dict[str, str | int]] = field(default_factory=list)
    finished_at: datetime | None = None


def start(kind: str, *, user: User, objects: Iterable[Model] = (), run_id: int | None = None) -> Job:
    """Make the job of a call. `objects` are those that the call marked stale: the job waits for their
    entries in the outbox. Call it in the transaction of the change."""
    job = Job.objects.create(kind=kind, user=user, run_id=run_id)
    keys: dict[str, set[int]] = {}
    for item in objects:
        keys.setdefault(str(item._meta.model_name), set()).add(item.pk)
    for entity, pks in keys.items():
        entries = OutboxEntry.objects.filter(bulk.among("object_id", pks), entity=entity)
        rows = entries.filter(status=Status.PENDING).values_list("pk", "object_id").order_by("pk")
        JobChange.objects.bulk_create(
            JobChange(job=job, entry_id=entry, entity=entity, object_id=pk) for entry, pk in rows
        )
    return job


def state(job: Job) -> JobState:
    """Returns how far a job is. Makes a constant number of queries.

    An entry that a newer one of the same object replaced has the state of that one. One that is gone was
    sent long ago.
    """
    if job.run_id is not None:
        return _of_run(job.run_id)
    waits = list(JobChange.objects.filter(job=job).values_list("entry_id", "entity", "object_id"))
    if not waits:
        return JobState("done", finished_at=job.created_at)
    entries = _entries(waits)
    found = JobState("done", total=len(waits))
    begun = False
    for entry_id, entity, pk in waits:
        entry = entries.get((entity, pk, entry_id))
        if entry is None or entry.status == Status.DONE:
            found.done += 1
        elif entry.status in (Status.FAILED, Status.DISCARDED):
            found.failed += 1
            if len(found.errors) < MOST_ERRORS:
                message = entry.error or "A person discarded this change."
                found.errors.append({"object": entity, "id": pk, "message": message})
        begun = begun or (entry is not None and (entry.attempts > 0 or entry.finished_at is not None))
        if entry is not None and entry.finished_at is not None:
            found.finished_at = max(found.finished_at or entry.finished_at, entry.finished_at)
    if found.done + found.failed < found.total:
        found.status, found.finished_at = "running" if begun else "queued", None
    elif found.failed:
        found.status = "failed"
    return found


def _of_run(run_id: int) -> JobState:
    outcome = sync_state.outcome(run_id)
    if outcome is None:  # it ended, and was deleted since
        return JobState("done", total=1, done=1)
    ended = {"done": JobState("done", 1, 1), "failed": JobState("failed", 1, failed=1)}
    found = ended.get(outcome.status, JobState(outcome.status, 1))
    found.finished_at = outcome.finished_at
    if outcome.status == "failed":
        found.errors = [{"object": "run", "id": run_id, "message": outcome.error}]
    return found


def _entries(waits: list[tuple[int, str, int]]) -> dict[tuple[str, int, int], OutboxEntry]:
    """Returns the entry that decides for each change, by object and the entry that the job began with."""
    wanted = {(entity, pk): entry for entry, entity, pk in waits}
    rows = OutboxEntry.objects.filter(bulk.among("object_id", {pk for _, _, pk in waits}))
    rows = rows.filter(Q(entity__in={entity for _, entity, _ in waits}), pk__gte=min(wanted.values()))
    found: dict[tuple[str, int, int], OutboxEntry] = {}
    fields = ("entity", "object_id", "status", "error", "attempts", "finished_at")
    for row in rows.only(*fields).order_by("pk"):
        first = wanted.get((row.entity, row.object_id))
        if first is None or row.pk < first:
            continue
        key = (row.entity, row.object_id, first)
        if row.pk == first or key not in found or found[key].status == Status.DISCARDED:
            found[key] = row
    return found
