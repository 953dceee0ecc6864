"""Which process pushes which entry: claims with a lease, one person's entries together."""

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.models import OutboxEntry
from integrations.thinkific.sync.owner import is_silent, this_process

LEASE = timedelta(minutes=5)  # far longer than a few requests take, waits for the request budget included
# A person exists before what hangs on them: first the account, then groups, then enrollments.
ORDER = {"user": 0, "thinkificgroup": 0, "groupmembership": 1, "enrollment": 2}

Pending, InFlight = OutboxEntry.Status.PENDING, OutboxEntry.Status.IN_FLIGHT


def claim(people: int) -> list[list[OutboxEntry]]:
    """Claim due entries of up to so many people, each person's in the order in which they are to be pushed.

    Nobody's entries are claimed while another process has some of theirs. Attempts are counted here, before
    any request: an entry may kill its worker.
    """
    with transaction.atomic():
        busy = OutboxEntry.objects.filter(status=InFlight, person__isnull=False).values("person")
        due = OutboxEntry.objects.due().exclude(person__in=busy).order_by("-priority", "id")
        heads = list(due.select_for_update(skip_locked=True, of=("self",))[: people * 2])
        persons = list(dict.fromkeys(entry.person_id for entry in heads if entry.person_id is not None))
        persons = persons[:people]
        entries = [e for e in heads if e.person_id is None][: max(0, people - len(persons))]
        theirs = OutboxEntry.objects.due().filter(person__in=persons)
        entries += list(theirs.select_for_update(skip_locked=True, of=("self",)))
        mine = OutboxEntry.objects.filter(pk__in=[entry.pk for entry in entries], status=Pending)
        mine.update(
            status=InFlight,
            attempts=F("attempts") + 1,
            claimed_by=this_process(),
            claimed_until=timezone.now() + LEASE,
        )
    for entry in entries:
        entry.status, entry.attempts, entry.claimed_by = InFlight, entry.attempts + 1, this_process()
    return list(_by_person(entries))


def _by_person(entries: Iterable[OutboxEntry]) -> Iterable[list[OutboxEntry]]:
    groups: dict[object, list[OutboxEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.person_id or f"entry {entry.pk}", []).append(entry)
    for group in groups.values():
        # Within enrollments as they were made: a bundle's end before the courses that stay open.
        yield sorted(group, key=lambda entry: (ORDER.get(entry.entity, 3), entry.pk))


def free_abandoned() -> int:
    """Put back what a dead process had claimed. What it did is not known, so the next one looks first."""
    count = 0
    for entry in OutboxEntry.objects.filter(status=InFlight):
        expired = entry.claimed_until is None or entry.claimed_until < timezone.now()
        if expired or is_silent(entry.claimed_by):
            count += put_back(entry, uncertain=True)
    return count


def put_back(
    entry: OutboxEntry, *, seconds: float = 0.0, error: str = "", uncertain: bool | None = None
) -> bool:
    """Let a claimed entry wait again. One that a newer change of the same object has overtaken is done with:
    that one will send everything."""
    now = timezone.now()
    with transaction.atomic():
        mine = OutboxEntry.objects.filter(pk=entry.pk, status=InFlight, claimed_by=entry.claimed_by)
        newer = OutboxEntry.objects.filter(entity=entry.entity, object_id=entry.object_id, status=Pending)
        later = newer.select_for_update().first()
        if later is not None:
            later.last_seen = later.last_seen | entry.last_seen
            later.uncertain = later.uncertain or (entry.uncertain if uncertain is None else uncertain)
            later.attempts = max(later.attempts, entry.attempts)
            later.save(update_fields=["last_seen", "uncertain", "attempts"])
            return bool(mine.update(status=OutboxEntry.Status.DISCARDED, finished_at=now, error=error))
        values = {"status": Pending, "not_before": now + timedelta(seconds=seconds), "error": error}
        if uncertain is not None:
            values["uncertain"] = uncertain
        return bool(mine.update(**values))
