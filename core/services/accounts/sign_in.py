"""Locks after wrong passwords: for how long an account is locked, for which network, and how to unlock it.

django-axes stores the attempts in the database, which all processes share. Two numbers are counted: wrong
passwords for an account from all networks, and wrong passwords from a network for all accounts. Accounts that
do not exist are counted in the same way. For a network from which the account was signed in to before, only
wrong passwords from that network count, so strangers cannot lock users out of their usual place.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from core.folding import email_key
from core.models import User

KNOWN_FOR = timedelta(days=90)  # how long after the last sign-in a network stays known for an account


def account_key(typed: str) -> str:
    """Returns the name under which attempts on an account are stored. A text that is not an e-mail address is
    stored as a digest only, as people type passwords into the wrong field."""
    name = email_key(typed)
    try:
        validate_email(name)
    except ValidationError:
        return salted_hmac("sign-in", name, algorithm="sha256").hexdigest()
    return name


def locked_until(account: str, network: str | None) -> datetime | None:
    """Returns when the account may be tried again from the network; None when it may be tried now."""
    ours = AccessAttempt.objects.filter(username=account)
    if network is None:
        return _end(ours, settings.SIGN_IN_TRIES)
    if AccessLog.objects.filter(username=account, ip_address=network, **_lately()).exists():
        return _end(ours.filter(ip_address=network), settings.SIGN_IN_TRIES)
    ends = [
        _end(ours, settings.SIGN_IN_TRIES),
        _end(AccessAttempt.objects.filter(ip_address=network), settings.SIGN_IN_TRIES_PER_NETWORK),
    ]
    return max((end for end in ends if end), default=None)


def is_locked(user: User) -> bool:
    """Whether the account is locked for networks from which it was not signed in to before."""
    return locked_until(account_key(user.email), None) is not None


def unlock(user: User) -> None:
    AccessAttempt.objects.filter(username=account_key(user.email)).delete()


def note_sign_in(user: User, network: str | None) -> None:
    """Record that the user has signed in from this network, which is known for the account from now on.

    Deletes the attempts on this account from this network only. If all attempts from the network were
    deleted, somebody with an account of their own could try other accounts without a limit.
    """
    account = account_key(user.email)
    AccessAttempt.objects.filter(username=account, ip_address=network).delete()
    if network is None:
        return
    known = AccessLog.objects.filter(username=account, ip_address=network)
    if not known.update(attempt_time=timezone.now()):
        AccessLog.objects.create(username=account, ip_address=network)


def over(now: datetime) -> dict[str, QuerySet]:
    """Returns the rows that the daily pruning deletes, by name."""
    return {
        "attempts": AccessAttempt.objects.filter(attempt_time__lt=now - settings.SIGN_IN_COOL_OFF),
        "known networks": AccessLog.objects.filter(attempt_time__lt=now - KNOWN_FOR),
    }


def _lately() -> dict[str, datetime]:
    return {"attempt_time__gt": timezone.now() - KNOWN_FOR}


def _end(attempts: QuerySet, limit: int) -> datetime | None:
    """Returns when fewer than `limit` of the attempts will count; None when fewer count now."""
    recent = attempts.filter(attempt_time__gt=timezone.now() - settings.SIGN_IN_COOL_OFF)
    rows: Iterable[tuple[datetime, int]] = list(
        recent.order_by("attempt_time").values_list("attempt_time", "failures_since_start")
    )
    left, end = sum(failures for _, failures in rows), None
    for tried_at, failures in rows:
        if left < limit:
            break
        left, end = left - failures, tried_at + settings.SIGN_IN_COOL_OFF
    return end
