"""Which process pushes which entry: one person's entries are claimed together.

core/services/leases.py says how a claim is made and ends. Here is what only the outbox has: nobody's entries
are claimed while others of theirs are under way, and an entry that is put back may meet a newer one.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core.models import OutboxEntry
from core.services import leases
from core.services.leases import Claim
from core.services.outbox import outcomes
from core.services.outbox.mark import transfer_values

# A person exists before what hangs on them: first the account, then groups, then enrollments.
ORDER = {"user": 0, "thinkificgroup": 0, "groupmembership": 1, "enrollment": 2}
SETTLED_AFTER = 2.0  # seconds: what a dead process asked for last may still be under way at Thinkific
SUSPICIOUS = 5  # crashes
FIRST_WAIT, LONGEST_WAIT = 2.0, 30.0  # seconds, after more crashes than that
GIVEN_UP_AFTER = timedelta(days=1)
ONE_CLAIM_AT_A_TIME = 5_640_211  # a number of our own, for PostgreSQL's advisory locks

Status = OutboxEntry.Status


def claim(people: int) -> list[list[OutboxEntry]]:
    """Claim due entries of up to so many people, each person's in the order in which they are to be pushed.

    Nobody's entries are claimed while another process has some of theirs. Where the database goes away in the
    middle, nothing stays claimed.
    """
    mine = Claim.new(OutboxEntry)
    with leases.given_back_if_lost(lambda: _release(mine)):
        return _claim(people, mine)


def _claim(people: int, mine: Claim[OutboxEntry]) -> list[list[OutboxEntry]]:
    with transaction.atomic():
        _wait_for_others()
        now = timezone.now()
        busy = OutboxEntry.objects.filter(status=Status.IN_FLIGHT)
        due = OutboxEntry.objects.due(now).order_by("-priority", "id")
        due = due.exclude(person__in=busy.filter(person__isnull=False).values("person"))
        due = due.exclude(
            person__isnull=True, object_id__in=busy.filter(person__isnull=True).values("object_id")
        )
        heads = list(due.select_for_update(skip_locked=True, of=("self",))[: people * 2])
        chosen: dict[object, list[OutboxEntry]] = {}
        for entry in heads:
            if len(chosen) < people or _whose(entry) in chosen:
                chosen.setdefault(_whose(entry), []).append(entry)
        persons = [who for who in chosen if isinstance(who, int)]
        heads_taken = {entry.pk for group in chosen.values() for entry in group}
        theirs = due.filter(person__in=persons).exclude(pk__in=heads_taken)
        for entry in list(theirs.select_for_update(skip_locked=True, of=("self",))) if persons else []:
            chosen[_whose(entry)].append(entry)
        _take([entry for group in chosen.values() for entry in group], mine, now)
    # Within enrollments as they were made.
    return [sorted(group, key=lambda e: (ORDER.get(e.entity, 3), e.pk)) for group in chosen.values()]


def _whose(entry: OutboxEntry) -> object:
    """What must be pushed one after the other: a person's entries; else those of one object."""
    return entry.person_id or (entry.entity, entry.object_id)


def _wait_for_others() -> None:
    """Two claims at once could each take some of one person's entries. On SQLite they cannot be at once."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [ONE_CLAIM_AT_A_TIME])


def _take(entries: list[OutboxEntry], mine: Claim[OutboxEntry], now: datetime) -> None:
    """Claim these entries (locked)."""
    if entries:
        mine.take([entry.pk for entry in entries], now=now)
    for entry in entries:
        entry.status, entry.attempts, entry.claimed_by = Status.IN_FLIGHT, entry.attempts + 1, mine.name


def _release(mine: Claim[OutboxEntry]) -> None:
    """Put back what was claimed and not begun."""
    for entry in mine.held():
        put_back(entry, until=timezone.now(), counts=False)


def under_way_elsewhere() -> bool:
    """Whether a living process has claimed something: it will look again before it stops."""
    lease = OutboxEntry.lease
    taken = OutboxEntry.objects.filter(lease.taken(), claimed_until__isnull=False)
    others = taken.exclude(lease.over(timezone.now()))
    names = others.order_by().values_list("claimed_by", flat=True).distinct()
    return any(not leases.is_abandoned(name) for name in names)


def free_abandoned() -> int:
    """Put back what a dead process had claimed. What it did is not known, so the next one looks first.

    That is no attempt: mostly something else was to blame. But an entry may be what kills its workers, so it
    waits longer each time, and after a day of that a person must look. Returns how many wait again.
    """
    count, now = 0, timezone.now()
    for entry, gone in leases.abandoned(OutboxEntry, now):
        crashes = entry.crashes + 1
        if crashes > SUSPICIOUS and now - entry.created_at > GIVEN_UP_AFTER:
            words = f"The process that was to send it died {crashes} times. Look at the logs, then retry."
            outcomes.fail(entry, words, now=now)
        else:
            wait = leases.growing_wait(crashes - SUSPICIOUS, first=FIRST_WAIT, longest=LONGEST_WAIT)
            until = now + timedelta(seconds=max(wait, SETTLED_AFTER if gone else 0))
            count += put_back(entry, until=until, uncertain=True, counts=False, crashed=True)
    return count


def put_back(
    entry: OutboxEntry,
    *,
    until: datetime,
    error: str = "",
    uncertain: bool = False,
    counts: bool = True,
    crashed: bool = False,
) -> bool:
    """Let a claimed entry wait again. One that a newer change of the same object has overtaken is done with:
    that one will send everything. `counts`: whether this was an attempt; `crashed`: whether its process died.
    Returns False when the claim is lost."""
    uncertain = entry.uncertain or uncertain
    write = partial(_put_back, entry, until, error, uncertain=uncertain, counts=counts, crashed=crashed)
    try:
        return write()
    except IntegrityError:  # the newer change was committed between looking and writing
        return write()


@transaction.atomic
def _put_back(
    entry: OutboxEntry, until: datetime, error: str, *, uncertain: bool, counts: bool, crashed: bool
) -> bool:
    mine = Claim.on(entry)
    newer = OutboxEntry.objects.filter(entity=entry.entity, object_id=entry.object_id, status=Status.PENDING)
    later = newer.select_for_update().first()
    if later is None:
        values: dict[str, Any] = {"error": error, "uncertain": uncertain}
        return bool(mine.put_back([entry.pk], until=until, counts=counts, crashed=crashed, **values))
    now = timezone.now()
    if not mine.finish([entry.pk], status=Status.DISCARDED, finished_at=now, error=error, sent={}):
        return False
    transfer_values(entry, later)
    later.uncertain = later.uncertain or uncertain
    later.attempts = max(later.attempts, entry.attempts - (not counts))
    later.crashes = max(later.crashes, entry.crashes + crashed)
    later.save(update_fields=["uncertain", "attempts", "crashes"])
    return True
