"""Impersonation: an administrator acts as another user, to see what that user sees.

Who may is `may_impersonate` (core/permissions/backend.py). Every request of an impersonation is checked again
(`check`); signing the browser in as somebody else is core/admin/kit/switching.py.
"""

import ipaddress
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from core import acting
from core.errors import Refusal
from core.models import ImpersonationSession, User
from core.permissions.backend import HELD, may_impersonate, rights_of

log = structlog.get_logger(__name__)
HELD_AS = {f"held_{number}": f"impersonated__memberships__{path}" for number, path in enumerate(HELD)}
# The check reads no more of the two people than it needs: it runs with every request.
PEOPLE = [
    f"{who}__{name}"
    for who in ("impersonator", "impersonated")
    for name in (
        *("first_name", "last_name", "email", "password", "switched_off_at", "is_active", "is_staff"),
        *("is_superuser", "global_role__name", "global_role__code", "global_role__permissions"),
    )
]
OWN = [field.name for field in ImpersonationSession._meta.concrete_fields]
Ended = ImpersonationSession.Ended

LONGEST_REASON = 500
REFUSED = (
    "You cannot act as {}. The account must be active, no superuser, not your own, and have no right that "
    "you do not have; and you must hold the permission “Impersonate users” in all teams."
)
NESTED = "You act as {} already. Leave that impersonation first."


@dataclass(frozen=True)
class Checked:
    """What the check of one request found: how the impersonation has ended, or "" while it goes on."""

    session: ImpersonationSession | None
    ending: str


@transaction.atomic
def begin(
    *, impersonator: User, impersonated: User, reason: str = "", address: str | None = None
) -> ImpersonationSession:
    """Record that the administrator acts as another user from now on. Raises Refusal.

    An administrator acts as one user at a time: an impersonation that goes on in another browser ends.
    """
    if (nested := acting.current()) is not None:
        raise Refusal(NESTED.format(nested.person))
    keys = sorted([impersonator.pk, impersonated.pk])
    locked = User.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    now = {user.pk: user for user in locked.select_related("global_role")}
    administrator, person = now.get(impersonator.pk), now.get(impersonated.pk)
    if administrator is None or person is None:
        raise Refusal(REFUSED.format(impersonated))
    if not may_impersonate(hijacker=administrator, hijacked=person):
        raise Refusal(REFUSED.format(person))
    for other in ImpersonationSession.objects.filter(impersonator=administrator, ended_at__isnull=True):
        end(other, Ended.REPLACED)
    session = ImpersonationSession.objects.create(
        impersonator=administrator,
        impersonated=person,
        reason=" ".join(reason.split())[:LONGEST_REASON],
        ip_address=_address(address),
    )
    log.info("impersonation began", impersonation=session.pk, by=administrator.pk, of=person.pk)
    return session


def end(session: ImpersonationSession, how: str) -> bool:
    """Record how an impersonation ended, unless it had ended before. One whose time is up ended when it was.
    Returns whether this call has ended it."""
    began, now = session.started_at, timezone.now()
    if not session.is_going_on:
        how = Ended.TIMED_OUT
    mine = ImpersonationSession.objects.filter(pk=session.pk, ended_at__isnull=True)
    # Not before it began, where the clock was set back.
    ended_at = max(began, min(now, session.ends_at_the_latest))
    ended = bool(mine.update(ended_at=ended_at, ended_by=how))
    if ended:
        log.info(
            "impersonation ended",
            impersonation=session.pk,
            by=session.impersonator_id,
            of=session.impersonated_id,
            how=str(how),
        )
    return ended


def close_timed_out() -> int:
    """Record the end of impersonations whose time is up, for example because the browser was closed. Returns
    how many there were."""
    over = ImpersonationSession.objects.filter(ended_at__isnull=True).over()
    return sum(end(session, Ended.TIMED_OUT) for session in over)


def check(session_id: int, *, person_id: str, hashes: tuple[str, str]) -> Checked:
    """Check an impersonation, as each of its requests does; record its end if it may not go on. One query.

    `person_id` is whom the browser is signed in as; `hashes` are the session hashes of the administrator and
    of that person from when it began: another password or address, or an account that was switched off, gives
    another hash.
    """
    found = (
        ImpersonationSession.objects.filter(pk=session_id)
        .select_related("impersonator__global_role", "impersonated__global_role")
        .annotate(**{name: F(path) for name, path in HELD_AS.items()})
        .only(*OWN, *PEOPLE)
        .order_by()
        .distinct()
    )
    rows = list(found)
    if not rows:
        return Checked(None, Ended.REVOKED)
    session = rows[0]
    ending = session.ending or _why_not(session, rows, person_id, hashes)
    if ending and session.ended_at is None:
        end(session, ending)
    return Checked(session, ending)


def _why_not(
    session: ImpersonationSession, rows: list[ImpersonationSession], person_id: str, hashes: tuple[str, str]
) -> str:
    administrator, person = session.impersonator, session.impersonated
    if not administrator.is_active or not same_account(administrator, hashes[0]):
        return Ended.ACCOUNT
    if not person.is_active or not same_account(person, hashes[1]) or str(person.pk) != person_id:
        return Ended.PERSON
    held = (tuple(getattr(row, name) for name in HELD_AS) for row in rows)
    rights = rights_of(person, held)
    if not may_impersonate(hijacker=administrator, hijacked=person, rights=rights):
        # The administrator lost a right, or the person got one: the administrator has to look which.
        return Ended.REVOKED
    return ""


def same_account(user: User, stored: str) -> bool:
    """Whether the account has the password and the address that it had when its session hash was stored."""
    accepted = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(stored, one) for one in accepted)


def _address(written: str | None) -> str | None:
    """Returns the address as the database stores it; None when it is unknown, as on a Unix socket."""
    try:
        address = ipaddress.ip_address((written or "").strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if address.version == 6 else None
    return str(mapped or address)
