"""The topics user.signup, user.updated, user.deleted and user.signin.

Thinkific's people have no date of change, so an event may be older than our row. An event with exactly the
stored values needs nothing; otherwise the person is read from Thinkific.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.utils import timezone

from core.models import User
from core.services import automatic_memberships
from core.services.mirror.outcome import Applied
from core.services.mirror.people import USERS, apply_users, deleted_here, remove_users
from core.services.mirror.table import Values
from core.services.storage import bulk
from integrations.models import InboundEvent, Kind
from integrations.thinkific import conflicts
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.errors import NotFound, ThinkificError
from integrations.thinkific.client.rest import PAGE_SIZE
from integrations.thinkific.mapping import user_row
from integrations.thinkific.pull.address_owners import Owners, clear_the_way, look_at_owners
from integrations.thinkific.webhooks import retries
from integrations.thinkific.webhooks.batch import SOURCE, Batch, problems
from integrations.thinkific.webhooks.inbox import Verdict, Verdicts, Write, failed, ignored, processed
from integrations.thinkific.webhooks.payloads import Unreadable, read
from integrations.thinkific.webhooks.test_events import TEST_EVENT, may_be_test_event

MANY = 25  # people to ask for one by one; for more, a pull may need fewer requests
GONE = "No longer in Thinkific."
DELETED = "The person was deleted here; nothing changed."
WITHHELD = (
    "An account with rights or a password here has this person's address. An administrator decides whether "
    "they are one person: see Conflicts. Nothing changed."
)

Stored = dict[int, tuple[int, Values]]  # Thinkific id -> primary key, values


@dataclass
class Work:
    """What a batch leads to: people to store, people who are gone, last activities, and verdicts."""

    found: dict[int, schemas.User] = field(default_factory=dict)
    owners: Owners = field(default_factory=Owners)  # who has their addresses here
    gone: set[int] = field(default_factory=set)
    active: dict[int, datetime] = field(default_factory=dict)
    verdicts: Verdicts = field(default_factory=dict)


def prepare(events: list[InboundEvent], batch: Batch) -> Write:
    work = Work()
    told = _read(events, work)
    known: Stored = USERS.stored(thinkific_id__in=list(told))
    to_ask: list[int] = []
    for number, theirs in told.items():
        if any(event.topic == "user.deleted" for event, _ in theirs):
            work.gone.add(number)
        elif all(_is_known_already(event, person, known.get(number)) for event, person in theirs):
            for event, _ in theirs:
                work.verdicts[event.pk] = processed(_outcome_of_known(event))
        else:
            to_ask.append(number)
    _ask(to_ask, told, batch, work)

    def write() -> Verdicts:
        return _store(work, told, known)

    return write


Told = dict[int, list[tuple[InboundEvent, schemas.User]]]  # by the person's Thinkific id


def _read(events: list[InboundEvent], work: Work) -> Told:
    told: Told = {}
    for event in events:
        try:
            person = read(event.payload, schemas.User)
        except Unreadable as problem:
            work.verdicts[event.pk] = failed(str(problem))
            continue
        told.setdefault(person.id, []).append((event, person))
        if event.topic == "user.signin":
            note_moment(work.active, person.id, event)
    return told


def _is_known_already(event: InboundEvent, person: schemas.User, have: tuple[int, Values] | None) -> bool:
    """Returns whether nothing must be asked: it is a sign-in of a known person, or has the stored values.

    The events that our own pushes cause have the stored values.
    """
    if have is None or have[1]["removed_at"] is not None:
        return False
    if event.topic == "user.signin":
        return True
    try:
        row = user_row(person, Notes(), digest=None, now=timezone.now())
    except Unusable:
        return False
    return all(have[1][name] == row[name] for name in USERS.fields)


def _outcome_of_known(event: InboundEvent) -> str:
    return "Last activity noted." if event.topic == "user.signin" else "Stored already; nothing changed."


def _ask(numbers: list[int], told: Told, batch: Batch, work: Work) -> None:
    if len(numbers) > max(MANY, User.objects.count() // PAGE_SIZE if len(numbers) > MANY else 0):
        text = batch.pull(Kind.USERS, full=True)
        work.verdicts |= {event.pk: processed(text) for n in numbers for event, _ in told[n]}
        return
    answers = batch.ask_all({number: partial(batch.client.rest.get_user, number) for number in numbers})
    for number, answer in answers.items():
        if isinstance(answer, NotFound):
            work.gone.add(number)
        elif isinstance(answer, ThinkificError):
            for event, _ in told[number]:
                work.verdicts[event.pk] = retries.postpone(answer, event.attempts)
        else:
            work.found[number] = answer
    try:
        work.owners = look_at_owners(work.found.values(), batch.user, at_most=MANY)
    except ThinkificError as error:
        for number in work.found:
            work.verdicts |= {event.pk: retries.postpone(error, event.attempts) for event, _ in told[number]}
        work.found.clear()


def _store(work: Work, told: Told, known: Stored) -> Verdicts:
    now, notes, rows, failures = timezone.now(), Notes(), [], Applied()
    clear_the_way(work.owners, source=SOURCE, now=now)
    for number, person in (work.owners.found | work.found).items():
        try:
            rows.append(user_row(person, notes, digest=None, now=now))
        except Unusable as error:
            failures.fail(f"User {number}", str(error))
    applied = apply_users(rows, source=SOURCE)
    applied += failures
    automatic_memberships.join_default_team(work.found.keys() - known.keys(), source=SOURCE, now=now)
    conflicts.keep(applied.conflicts)
    remove_users([known[number][0] for number in work.gone if number in known], source=SOURCE, now=now)
    note_activity(work.active)
    wrong = problems(applied)
    verdicts = dict(work.verdicts)
    deleted = deleted_here(work.found.keys() - known.keys())
    for number in [*work.found, *work.gone]:
        verdict = ignored(DELETED) if number in deleted else _verdict(number, work, known, wrong)
        if number in applied.withheld:
            verdict = ignored(WITHHELD)
        for event, _ in told[number]:
            unheard_of = number in work.gone and number not in known and may_be_test_event(event)
            verdicts[event.pk] = ignored(TEST_EVENT) if unheard_of else verdict
    return verdicts


def _verdict(number: int, work: Work, known: Stored, wrong: Mapping[str, str]) -> Verdict:
    if number in work.gone:
        return processed(f"{GONE} Marked as removed." if number in known else f"{GONE} It was never here.")
    problem = wrong.get(f"User {number}")
    if problem:
        return failed(problem)
    return processed("Read from Thinkific and stored.")


def note_moment(active: dict[int, datetime], number: int, event: InboundEvent) -> None:
    """Add a person's latest activity to `active`. A time in the future counts as now."""
    moment = min(event.occurred_at or event.received_at, timezone.now())
    active[number] = max(moment, active.get(number, moment))


def note_activity(active: Mapping[int, datetime]) -> None:
    """Store people's last activity (Thinkific id -> moment), if it is later than the stored one."""
    rows = User.objects.filter(thinkific_id__in=list(active)).values_list(
        "pk", "thinkific_id", "last_activity_at"
    )
    newer = [
        (pk, active[number]) for pk, number, last in rows if number and (not last or last < active[number])
    ]
    bulk.update(User, ["last_activity_at"], newer)
