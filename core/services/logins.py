"""After a login address has changed: end pending changes of it, and tell the old address.

Sessions and links to set a password need no code here: both are signed with the address
(`User.access_as_of`) and become invalid.
"""

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from core.models import EmailChange, User
from core.services.storage import bulk

TELL_TASK = "core.tasks.tell_old_addresses"
AT_ONCE = 250  # mails in one task, so that it ends within the queue's time limit

State, Way = EmailChange.State, EmailChange.Way


def changed_in_thinkific(changes: Iterable[tuple[int, str, str]]) -> None:
    """Record changes of logins that came from Thinkific, and tell the old addresses after the commit.

    `changes` are tuples of primary key, old address and new address; those without a difference are ignored.
    The queue sends the mails.
    """
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
    """Record that the user's login was changed from `old` without a confirmation, and tell `old`."""
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
    """End pending changes of these users (primary keys): they were asked for when the login was another."""
    waiting = EmailChange.objects.filter(bulk.among("user_id", pks), state=State.PENDING)
    waiting.update(state=State.VOID, ended_at=timezone.now())


def tell_old_addresses(pks: list[int]) -> None:
    """Queue the mails about these changes (primary keys). The tasks contain no addresses."""
    for start in range(0, len(pks), AT_ONCE):
        part = pks[start : start + AT_ONCE]
        transaction.on_commit(partial(async_task, TELL_TASK, part, save=False))
