"""Changing the e-mail address that a user signs in with: request, confirmation, and notice to the old
address.

Whoever controls the address controls the account. So a change is pending until it is confirmed by a link in a
mail to the new address. Until then the old address is the login.
"""

from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.utils import timezone
from django_q.tasks import async_task

from core import acting
from core.errors import Refusal
from core.folding import normalize_email
from core.models import EmailChange, Notice, User
from core.permissions import scope
from core.services import logins, people
from core.services.site import notices
from core.services.site.link_addresses import key_of

LINK_TASK = "core.tasks.send_email_change_link"
WARN_TASK = "core.tasks.warn_old_address"
PAUSE = timedelta(minutes=1)  # between two mails about one change, so that nobody can flood an address
A_DAY = timedelta(days=1)
MOST = 10  # most changes that can be asked for in a day for one user

State, Way = EmailChange.State, EmailChange.Way


class Tokens(PasswordResetTokenGenerator):
    """Tokens for links to confirm a change. They become invalid after PASSWORD_RESET_TIMEOUT, and with a new
    password, another address, another request or when the account is switched off."""

    key_salt = "core.services.accounts.email_changes.Tokens"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        change: EmailChange = user
        person = change.user
        parts = [person.pk, person.access_as_of(), person.is_active]
        parts += [change.pk, change.new_email, change.state, timestamp]
        return "\n".join(map(str, parts))


_tokens = Tokens()


def make_token(change: EmailChange) -> str:
    """Returns the secret part of the link to confirm a change. It is not stored."""
    return _tokens.make_token(cast("User", change))


def pending(user: User) -> EmailChange | None:
    """Returns the user's change that is waiting for a confirmation, or None."""
    waiting = EmailChange.objects.filter(user=user, state=State.PENDING, old_email=user.email)
    change = waiting.select_related("asked_by").first()
    return None if change is None or _is_over(change, timezone.now()) else change


def _is_over(change: EmailChange, now: datetime) -> bool:
    """Whether the link in the last mail has become too old."""
    begun = change.mailed_at or change.asked_at
    return now - begun > timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


@transaction.atomic
def ask(user: User, email: str, *, by: User) -> EmailChange | None:
    """Ask for a change: a link goes to the new address, and a warning to the old one. It replaces an earlier
    request. Returns None when the user has this address already. Raises Refusal."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if normalize_email(email) == user.email:
        return None
    acting.refuse()
    email = people.check_email(user, email, by=by)
    if not user.is_active:
        raise Refusal(f"{user}'s account is switched off. Switch it on first.")
    now = timezone.now()
    of_today = EmailChange.objects.filter(user=user, asked_at__gt=now - A_DAY, way=Way.CONFIRMED)
    if of_today.count() >= MOST:
        raise Refusal(f"{MOST} changes of {user}'s address were asked for within a day. Try again tomorrow.")
    EmailChange.objects.filter(user=user, state=State.PENDING).update(state=State.REPLACED, ended_at=now)
    change = EmailChange.objects.create(
        user=user,
        old_email=user.email,
        new_email=email,
        way=Way.CONFIRMED,
        asked_by=by,
        asked_at=now,
        mailed_at=now,
    )
    _queue(LINK_TASK, change)
    _queue(WARN_TASK, change)
    return change


@transaction.atomic
def send_again(user: User, *, by: User) -> EmailChange:
    """Send the mail with the link again; the link of the mail before stays valid until it is too old. Raises
    Refusal when no change is pending, less than PAUSE after the last mail, or when `by` cannot use the
    address."""
    acting.refuse()
    change = _locked(user)
    now = timezone.now()
    if change.mailed_at and now - change.mailed_at < PAUSE:
        raise Refusal("A mail was sent less than a minute ago. Wait a moment for it to arrive.")
    people.check_email(user, change.new_email, by=by)
    change.mailed_at = now
    change.save(update_fields=["mailed_at"])
    _queue(LINK_TASK, change)
    return change


@transaction.atomic
def withdraw(user: User) -> EmailChange:
    """Withdraw the pending change; its links no longer work. Raises Refusal when there is none."""
    acting.refuse()
    change = _locked(user)
    _end(change, State.WITHDRAWN)
    return change


def find(uid: str, token: str) -> EmailChange | None:
    """Returns the pending change of a link; None when the link is not valid (any more)."""
    waiting = EmailChange.objects.select_related("user", "asked_by")
    change = waiting.filter(user_id=key_of(uid), state=State.PENDING).first()
    if change is None or not change.user.is_active or not _tokens.check_token(cast("User", change), token):
        return None
    # Whoever asked must still have the right: the user may have more rights now than when it was asked.
    asker = change.asked_by
    return change if asker is not None and scope.may_change_account(asker, change.user) else None


@transaction.atomic
def confirm(uid: str, token: str) -> EmailChange | None:
    """Make the new address the login, for whoever has the link. Returns None when the link is not valid.
    Raises Refusal when another user has the address by now; the caller then calls `give_up`.

    All sessions of the user and all links to set a password end, as they are signed with the old address.
    """
    change = find(uid, token)
    if change is None:
        return None
    # Find it again with the user locked: a second click may have confirmed it, or another change ended it.
    User.objects.select_for_update(of=("self",)).get(pk=change.user_id)
    change = find(uid, token)
    if change is None:
        return None
    user = change.user
    values = {"email": change.new_email}
    people.write(user, values, by=change.asked_by, reason="e-mail confirmed by a link to the new address")
    _end(change, State.DONE)
    logins.tell_old_addresses([change.pk])
    return change


@transaction.atomic
def change_at_once(
    user: User, email: str, *, by: User | None, reason: str, push: bool = False, last_seen: str = ""
) -> User:
    """Change the address without a confirmation, for an administrator who knows that it is the user's. The
    old address is told. `push` and `last_seen` are those of `people.write`. Raises Refusal."""
    acting.refuse()
    old = User.objects.select_for_update(of=("self",)).get(pk=user.pk).email
    seen = {"email": last_seen} if last_seen else None
    user = people.write(user, {"email": email}, by=by, reason=reason, push=push, last_seen=seen)
    if user.email != old:
        logins.changed(user, old=old, way=Way.AT_ONCE, by=by)
    return user


@transaction.atomic
def give_up(uid: str, token: str) -> None:
    """End a change that is no longer possible, because another user has the address. Notify whoever asked."""
    change = find(uid, token)
    if change is not None and change.asked_by is not None:
        _end(change, State.VOID)
        text = f"The address of {change.user} was not changed: {change.new_email} cannot be used any more."
        notices.tell([change.asked_by], text, level=Notice.Level.WARNING)


def _locked(user: User) -> EmailChange:
    User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    change = pending(user)
    if change is None:
        raise Refusal(f"No change of {user}'s address is pending any more. Reload the page to see its state.")
    return change


def _end(change: EmailChange, state: str) -> None:
    change.state, change.ended_at = state, timezone.now()
    change.save(update_fields=["state", "ended_at"])


def _queue(task: str, change: EmailChange) -> None:
    transaction.on_commit(lambda: async_task(task, change.pk, save=False))
