"""Which process pushes which entry: claims with a lease, one person's entries together.

A claim is named by the process and a token of its own; whatever ends it is a conditional update that must
change exactly one row. So a process that lost a claim can neither finish it nor put it back.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import Error, IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from core.database_outage import leaves_hope, patiently
from core.models import OutboxEntry
from core.moments import come, has_come
from core.processes import is_silent, this_process
from core.services.outbox import outcomes
from core.services.outbox.mark import hand_over

LEASE = timedelta(minutes=2)  # renewed while the process lives
# A person exists before what hangs on them: first the account, then groups, then enrollments.
ORDER = {"user": 0, "thinkificgroup": 0, "groupmembership": 1, "enrollment": 2}
SETTLED_AFTER = 2.0  # seconds: what a dead process asked for last may still be under way at Thinkific
SUSPICIOUS = 5  # crashes
LONGEST_WAIT = 30.0  # seconds
GIVEN_UP_AFTER = timedelta(days=1)
ONE_CLAIM_AT_A_TIME = 5_640_211  # a number of our own, for PostgreSQL's advisory locks

Status = OutboxEntry.Status


def claim(people: int) -> list[list[OutboxEntry]]:
    """Claim due entries of up to so many people, each person's in the order in which they are to be pushed.

    Nobody's entries are claimed while another process has some of theirs. Attempts are counted here, before
    any request: an entry may kill its worker. Where the database goes away in the middle, nothing stays
    claimed.
    """
    me = f"{this_process()}#{uuid.uuid4().hex[:8]}"
    try:
        return _claim(people, me)
    except Error as error:
        if leaves_hope(error):  # it may have been committed, and only the answer was lost
            patiently(_release, me)
        raise


def _claim(people: int, me: str) -> list[list[OutboxEntry]]:
    with transaction.atomic():
        _wait_for_others()
        busy = OutboxEntry.objects.filter(status=Status.IN_FLIGHT)
        due = OutboxEntry.objects.due().order_by("-priority", "id")
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
        for entry in theirs.select_for_update(skip_locked=True, of=("self",)) if persons else []:
            chosen[_whose(entry)].append(entry)
        _take([entry for group in chosen.values() for entry in group], me)
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


def _take(entries: list[OutboxEntry], me: str) -> None:
    if not entries:
        return
    until = timezone.now() + LEASE
    mine = OutboxEntry.objects.filter(pk__in=[entry.pk for entry in entries], status=Status.PENDING)
    mine.update(status=Status.IN_FLIGHT, attempts=F("attempts") + 1, claimed_by=me, claimed_until=until)
    for entry in entries:
        entry.status, entry.attempts, entry.claimed_by = Status.IN_FLIGHT, entry.attempts + 1, me


def _release(me: str) -> None:
    """Give back what was claimed by this name, and not begun."""
    for entry in OutboxEntry.objects.filter(status=Status.IN_FLIGHT, claimed_by=me):
        put_back(entry, until=timezone.now(), counts=False)


def still_held(entry: OutboxEntry) -> bool:
    """Whether the claim is still ours; if so, for another while."""
    mine = OutboxEntry.objects.filter(pk=entry.pk, status=Status.IN_FLIGHT, claimed_by=entry.claimed_by)
    return bool(mine.update(claimed_until=timezone.now() + LEASE))


def renew(entries: Iterable[OutboxEntry]) -> None:
    """Show that this process still works on these."""
    by_claim: dict[str, list[int]] = {}
    for entry in entries:
        by_claim.setdefault(entry.claimed_by, []).append(entry.pk)
    for claimed_by, pks in by_claim.items():
        mine = OutboxEntry.objects.filter(pk__in=pks, status=Status.IN_FLIGHT, claimed_by=claimed_by)
        mine.update(claimed_until=timezone.now() + LEASE)


def under_way_elsewhere() -> bool:
    """Whether a living process has claimed something: it will look again before it stops."""
    over = come("claimed_until", timezone.now(), longest=LEASE)
    taken = OutboxEntry.objects.filter(~over, status=Status.IN_FLIGHT, claimed_until__isnull=False)
    names = taken.order_by().values_list("claimed_by", flat=True).distinct()
    return any(not _is_gone(name) for name in names)


def free_abandoned() -> int:
    """Put back what a dead process had claimed. What it did is not known, so the next one looks first.

    That is no attempt: mostly something else was to blame. But an entry may be what kills its workers, so it
    waits longer each time, and after a day of that a person must look.
    """
    count, now = 0, timezone.now()
    for entry in OutboxEntry.objects.filter(status=Status.IN_FLIGHT):
        gone = _is_gone(entry.claimed_by)
        if not gone and entry.claimed_until is not None and entry.claimed_until > now:
            _cut_short(entry, now)
            continue
        entry.crashes += 1
        if entry.crashes > SUSPICIOUS and now - entry.created_at > GIVEN_UP_AFTER:
            words = (
                f"The process that was to send it died {entry.crashes} times. Look at the logs, then retry."
            )
            outcomes.fail(entry, words, now=now)
        else:
            suspected = (
                min(2 ** (entry.crashes - SUSPICIOUS), LONGEST_WAIT) if entry.crashes > SUSPICIOUS else 0
            )
            wait = timedelta(seconds=max(suspected, SETTLED_AFTER if gone else 0))
            count += put_back(entry, until=now + wait, uncertain=True, counts=False)
    return count


def _cut_short(entry: OutboxEntry, now: datetime) -> None:
    """A lease that ends later than any that begins now was written before a clock was set back. Its process
    may live, and then renews it in time; so it is not taken away, but ends as one that begins now."""
    if has_come(entry.claimed_until or now, now, longest=LEASE):
        same = OutboxEntry.objects.filter(pk=entry.pk, status=Status.IN_FLIGHT)
        same.filter(claimed_until=entry.claimed_until).update(claimed_until=now + LEASE)


def _is_gone(claimed_by: str) -> bool:
    return is_silent(claimed_by.partition("#")[0])


def put_back(
    entry: OutboxEntry, *, until: datetime, error: str = "", uncertain: bool = False, counts: bool = True
) -> bool:
    """Let a claimed entry wait again. One that a newer change of the same object has overtaken is done with:
    that one will send everything. `counts` says whether this was an attempt."""
    attempts = entry.attempts if counts else max(0, entry.attempts - 1)
    values = {"attempts": attempts, "crashes": entry.crashes, "uncertain": entry.uncertain or uncertain}
    try:
        return _put_back(entry, until, error, values)
    except IntegrityError:  # the newer change was committed between looking and writing
        return _put_back(entry, until, error, values)


@transaction.atomic
def _put_back(entry: OutboxEntry, until: datetime, error: str, values: dict[str, Any]) -> bool:
    mine = OutboxEntry.objects.filter(pk=entry.pk, status=Status.IN_FLIGHT, claimed_by=entry.claimed_by)
    newer = OutboxEntry.objects.filter(entity=entry.entity, object_id=entry.object_id, status=Status.PENDING)
    later = newer.select_for_update().first()
    if later is None:
        return bool(mine.update(status=Status.PENDING, not_before=until, error=error, **values))
    if not mine.update(status=Status.DISCARDED, finished_at=timezone.now(), error=error, sent={}):
        return False
    hand_over(entry, later)
    later.uncertain = later.uncertain or values["uncertain"]
    later.attempts = max(later.attempts, values["attempts"])
    later.crashes = max(later.crashes, values["crashes"])
    later.save(update_fields=["uncertain", "attempts", "crashes"])
    return True
