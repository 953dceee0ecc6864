"""Decisions about protected accounts: is a Thinkific account the same person, has their login changed?

Thinkific's word is not enough for these accounts, so an administrator decides. There is at most one open
conflict for each account and kind.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from core.errors import Refusal
from core.models import OutboxEntry, User
from core.services import outbox
from core.services.accounts import email_changes
from core.services.history import signed
from core.services.mirror import former_accounts, returned_people
from core.services.mirror.outcome import Clash
from core.services.mirror.source import Source
from integrations.models import SyncConflict, SyncRun

COUNT_TASK = "integrations.thinkific.tasks.count_for_identities"
Kind, Resolution = SyncConflict.Kind, SyncConflict.Resolution


def keep(clashes: Iterable[Clash], *, run: SyncRun | None = None, asked: bool = False) -> None:
    """Store clashes as conflicts, or update the open conflict of the same account and kind.

    Accounts that an administrator has kept apart are not asked about again, except with `asked`: then
    somebody wants the question again.
    """
    found = {(clash.kind, clash.object_id): clash for clash in clashes}
    if not found:
        return
    rows = SyncConflict.objects.filter(kind__in=Kind.values, object_id__in={pk for _, pk in found})
    identities = rows.filter(kind__in=SyncConflict.IDENTITY)
    apart = set(
        identities.filter(kind=Kind.LINK, resolution=Resolution.APART, settled_at__isnull=False).values_list(
            "object_id", "thinkific_id"
        )
    )
    known = {(row.kind, row.object_id): row for row in identities.filter(settled_at=None)}
    now, new, touched = timezone.now(), [], []
    for key, clash in found.items():
        row = known.get(key)
        if row is not None:
            _refresh(row, clash, now)
            touched.append(row)
        elif asked or clash.kind != Kind.LINK or (clash.object_id, clash.thinkific_id) not in apart:
            new.append(_made(clash, run, now))
    SyncConflict.objects.bulk_update(touched, ["label", "ours", "theirs", "thinkific_id", "facts", "seen_at"])
    SyncConflict.objects.bulk_create(new, ignore_conflicts=True)  # another process may have stored the same
    if new:
        transaction.on_commit(partial(async_task, COUNT_TASK, save=False))


def _refresh(row: SyncConflict, clash: Clash, now: datetime) -> None:
    # An enrollment says less about its student than the list of people, so known facts stay.
    kept = row.facts if row.thinkific_id == clash.thinkific_id else {}
    row.facts = kept | {name: value for name, value in clash.facts.items() if value}
    row.label, row.ours, row.theirs = clash.label[:600], clash.ours, clash.theirs
    row.thinkific_id, row.seen_at = clash.thinkific_id, now


def _made(clash: Clash, run: SyncRun | None, now: datetime) -> SyncConflict:
    return SyncConflict(
        run=run,
        kind=clash.kind,
        entity="user",
        object_id=clash.object_id,
        label=clash.label[:600],
        field="thinkific_id" if clash.kind == Kind.LINK else "email",
        ours=clash.ours,
        theirs=clash.theirs,
        thinkific_id=clash.thinkific_id,
        facts=clash.facts,
        seen_at=now,
        resolution=Resolution.KEPT_OURS,
    )


def is_undecided(user: User) -> bool:
    """Whether an open conflict is about who this person is in Thinkific: about their account or address, or
    about another person to whom Thinkific gives this address (settings.IDENTITY_UNDECIDED)."""
    whose = Q(kind__in=SyncConflict.IDENTITY) | Q(kind=Kind.VALUE, entity="user", field="email")
    about = Q(object_id=user.pk) | Q(theirs__iexact=user.email)
    return SyncConflict.objects.filter(whose, about, settled_at=None).exists()


def close_passed(*, since: datetime) -> None:
    """Close the conflicts that a full pull of people, begun at `since`, has not found again.

    They need no decision any more: Thinkific has another address now, or the account has lost its rights.
    """
    passed = SyncConflict.objects.filter(
        kind__in=SyncConflict.IDENTITY, settled_at=None, seen_at__lt=since, created_at__lt=since
    )
    passed.update(settled_at=timezone.now(), resolution=Resolution.PASSED)


@transaction.atomic
def link(conflict: SyncConflict, *, by: User) -> User:
    """Link the account here with the Thinkific account, because both are one person. Raises Refusal."""
    user = _settle(conflict, Kind.LINK, Resolution.LINKED, by)
    if user.thinkific_id is not None and user.removed_at is None:
        raise Refusal(f"{user} is linked with Thinkific account {user.thinkific_id} already.")
    other = User.objects.filter(thinkific_id=conflict.thinkific_id).exclude(pk=user.pk).first()
    if other is not None:
        raise Refusal(
            f"Thinkific account {conflict.thinkific_id} now belongs to {other} ({other.email}) here."
        )
    reason = f"linked with Thinkific account {conflict.thinkific_id}"
    if conflict.thinkific_id is not None:
        former_accounts.remove_former_data(
            {user.pk: conflict.thinkific_id}, source=Source(reason), now=timezone.now()
        )
    user.thinkific_id, user.removed_at, user.remote_digest = conflict.thinkific_id, None, None
    signed(user, by=by, reason=reason).save(
        update_fields=["thinkific_id", "removed_at", "remote_digest", "updated_at"]
    )
    returned_people.note_linked(user)
    outbox.retry(_own(user).filter(status=OutboxEntry.Status.FAILED))
    outbox.make_due(user.pk)  # what waited for the account
    outbox.wake_drain()
    return user


@transaction.atomic
def keep_apart(conflict: SyncConflict, *, by: User) -> User:
    """Keep the two accounts apart, because they are two people. Raises Refusal.

    They are not linked and not asked about again until an administrator wants the question again.
    """
    user = _settle(conflict, Kind.LINK, Resolution.APART, by)
    _note(user, by, f"kept apart from Thinkific account {conflict.thinkific_id}")
    if user.thinkific_id is None:  # without a Thinkific account none of their changes can be sent
        outbox.discard(_own(user).filter(status__in=[OutboxEntry.Status.PENDING, OutboxEntry.Status.FAILED]))
    return user


@transaction.atomic
def ask_again(conflict: SyncConflict, *, by: User) -> None:
    """Open the question about two accounts again that were kept apart. Raises Refusal."""
    same = SyncConflict.objects.filter(
        kind=Kind.LINK, object_id=conflict.object_id, thinkific_id=conflict.thinkific_id
    )
    open_one = SyncConflict.objects.filter(kind=Kind.LINK, object_id=conflict.object_id, settled_at=None)
    if open_one.exists():
        raise Refusal(f"A decision about {conflict.label} is open already. Look for it under Conflicts.")
    same.filter(resolution=Resolution.APART).exclude(pk=conflict.pk).update(resolution=Resolution.PASSED)
    same.filter(pk=conflict.pk).update(
        settled_at=None, settled_by=None, resolution=Resolution.KEPT_OURS, seen_at=timezone.now()
    )


@transaction.atomic
def keep_address(conflict: SyncConflict, *, by: User) -> User:
    """Keep the address here and send it to Thinkific. Raises Refusal."""
    user = _settle(conflict, Kind.EMAIL, Resolution.KEPT_OURS, by)
    reason = "e-mail kept, against Thinkific's"
    _note(user, by, reason)
    # The entry stores the address that Thinkific has. If it changes before ours arrives, there is a conflict.
    seen = {user.pk: {"email": conflict.theirs}}
    outbox.mark_stale([user], reason=reason, last_seen=seen, requested_by=by)
    return user


@transaction.atomic
def take_address(conflict: SyncConflict, *, by: User) -> User:
    """Take Thinkific's address as the login here. Raises Refusal."""
    user = _settle(conflict, Kind.EMAIL, Resolution.KEPT_THEIRS, by)
    return email_changes.change_at_once(
        user, conflict.theirs, by=by, reason="Thinkific's e-mail taken", last_seen=conflict.theirs
    )


def _settle(conflict: SyncConflict, kind: str, resolution: str, by: User) -> User:
    """Close the conflict and return its account, locked. Raises Refusal.

    Only one administrator can close it, and only as long as it is as they saw it.
    """
    mine = SyncConflict.objects.filter(pk=conflict.pk, kind=kind, settled_at=None)
    # A pull may have stored another Thinkific account or address since the administrator saw the page.
    mine = mine.filter(thinkific_id=conflict.thinkific_id, theirs=conflict.theirs)
    if not mine.update(settled_at=timezone.now(), settled_by=by, resolution=resolution):
        was = f"Thinkific account {conflict.thinkific_id} with {conflict.theirs}"
        conflict.refresh_from_db()
        raise Refusal(
            conflict.settled_in_words()
            or f"“{conflict}” has changed. It was {was}, and is account {conflict.thinkific_id} with "
            f"{conflict.theirs} now."
        )
    user = User.objects.select_for_update(of=("self",)).filter(pk=conflict.object_id).first()
    if user is None:
        raise Refusal(f"{conflict.label} is no longer here, so there is nothing to decide.")
    if kind == Kind.EMAIL and user.thinkific_id != conflict.thinkific_id:
        raise Refusal(f"{user} is no longer linked with Thinkific account {conflict.thinkific_id}.")
    conflict.refresh_from_db()
    return user


def _note(user: User, by: User, reason: str) -> None:
    """Add a decision that changed no field to the person's history."""
    signed(user, by=by, reason=reason).save(update_fields=["updated_at"])


def _own(user: User) -> QuerySet[OutboxEntry]:
    """Returns the outbox entries of the person, and those that need the person's Thinkific account."""
    return OutboxEntry.objects.filter(Q(entity="user", object_id=user.pk) | Q(person=user))
