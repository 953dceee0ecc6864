"""Login addresses that have changed: what ends with the old one, and telling it.

Sessions and links that set a password end by themselves, because both hold the address
(`User._get_session_auth_hash`, Django's token). What is left is done here.
"""

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from core.models import EmailChange, User
from core.services.storage import bulk

TELL_TASK = "core.tasks.tell_old_addresses"
AT_ONCE = 250  # mails of one task: they fit into the time that the queue gives it

State, Way = EmailChange.State, EmailChange.Way


def changed_in_thinkific(changes: Iterable[tuple[int, str, str]]) -> None:
    """Of these people (primary key, address before, address now) note whose login Thinkific has changed, and
    have the old addresses told once that is committed. Mails are sent by the queue, never from here."""
    moved = [change for change in changes if change[1] != change[2]]
    if not moved:
        return
    now = timezone.now()
    withdraw_links([pk for pk, _, _ in moved])
    rows = EmailChange.objects.bulk_create(
        EmailChange(
            user_id=pk,
            old_email=old,
            new_email=new,
            way=Way.THINKIFIC,
            state=State.DONE,
            asked_at=now,
            ended_at=now,
        )
        for pk, old, new in moved
    )
    tell_old_addresses([row.pk for row in rows])


def changed(user: User, *, old: str, way: str, by: User | None) -> None:
    """Note that somebody's login was changed from `old` without a confirmation, and have `old` told."""
    now = timezone.now()
    withdraw_links([user.pk])
    row = EmailChange.objects.create(
        user=user,
        old_email=old,
        new_email=user.email,
        way=way,
        state=State.DONE,
        asked_by=by,
        asked_at=now,
        ended_at=now,
    )
    tell_old_addresses([row.pk])


def withdraw_links(pks: Iterable[int]) -> None:
    """Changes of these people that wait for their confirmation were asked for with another address."""
    waiting = EmailChange.objects.filter(bulk.among("user_id", pks), state=State.PENDING)
    waiting.update(state=State.VOID, ended_at=timezone.now())


def tell_old_addresses(pks: list[int]) -> None:
    """Queue the mails about these changes. Tasks carry keys only: addresses have no place in the queue."""
    for start in range(0, len(pks), AT_ONCE):
        part = pks[start : start + AT_ONCE]
        transaction.on_commit(partial(async_task, TELL_TASK, part, save=False))
