"""Tokens of the REST API: issued once, found by their hash, revoked for good."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from core import acting
from core.errors import Refusal
from core.folding import tidy_name
from core.models import ApiToken, User
from core.moments import is_older
from core.services.api import token_query
from core.services.api.scopes import SCOPES
from core.services.site import known_secrets

START = "b2b_"
PREFIX_LENGTH = 12
NAME_LENGTH = 100
NOTED_EVERY = timedelta(minutes=1)  # a use in the same minute from the same address is not stored again


def may_issue(user: User) -> bool:
    """Whether an account may have tokens: it works, and holds some right here."""
    return user.is_active and (user.sees_everything or user.managed_teams().exists())


@transaction.atomic
def issue(
    *, user: User, name: str, scopes: Collection[str] = (), expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token that acts with this user's rights, narrowed by the scopes (none: not narrowed). Returns
    it with the secret, which is stored nowhere.

    Raises Refusal for a name that is empty or too long, unknown scopes, an end in the past, an account
    without rights, and while somebody acts as somebody else.
    """
    acting.refuse()
    name = tidy_name(name)
    if not name:
        raise Refusal("A token needs a name, for example that of the program that will use it.")
    if len(name) > NAME_LENGTH:
        raise Refusal(f"The name has {len(name)} characters; {NAME_LENGTH} is the most.")
    if unknown := sorted(set(scopes) - SCOPES.keys()):
        raise Refusal(f"There is no scope “{unknown[0]}”. There are: {', '.join(SCOPES)}.")
    if expires_at is not None and expires_at <= timezone.now():
        raise Refusal("The token would have ended already. Choose a later day, or none.")
    if not may_issue(user):
        raise Refusal(
            f"{user} has no rights here, so a token would be of no use. Give a role to the account first."
        )
    secret = START + secrets.token_urlsafe(32)
    known_secrets.add(secret)
    token = ApiToken.objects.create(
        user=user,
        name=name,
        scopes=[scope for scope in SCOPES if scope in scopes],
        prefix=secret[:PREFIX_LENGTH],
        digest=_digest(secret),
        expires_at=expires_at,
    )
    return token, secret


def find(secret: str, *, now: datetime) -> ApiToken | None:
    """Returns the token with this secret and its user; None when there is none, or it no longer works.
    Makes one query.

    A token ends with its issuer's account: it does not work while the account is off, nor after it was
    switched on again.
    """
    token = token_query.of_digest(_digest(secret))
    if token is None or token.revoked_at is not None or not token.user.is_active:
        return None
    if token.expires_at is not None and token.expires_at <= now:
        return None
    off = token.user.switched_off_at
    return None if off is not None and token.created_at <= off else token


def note_use(token: ApiToken, *, address: str | None, now: datetime) -> None:
    """Store when and from where the token was used, at most once a minute for one address."""
    if address == token.last_used_from and not is_older(token.last_used_at, now, than=NOTED_EVERY):
        return
    token.last_used_at, token.last_used_from = now, address
    ApiToken.objects.filter(pk=token.pk).update(last_used_at=now, last_used_from=address)


@transaction.atomic
def revoke(token: ApiToken) -> ApiToken:
    """End a token for good. Raises Refusal when it has ended already, and while somebody acts as somebody
    else."""
    acting.refuse()
    token = ApiToken.objects.select_for_update(of=("self",)).get(pk=token.pk)
    if token.revoked_at is not None:
        raise Refusal(f"The token {token} was revoked already.")
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    return token


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
