"""Idempotency keys: a POST that is sent again gets the answer of the first, and has no second effect."""

from collections.abc import Callable

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from api.answers import JSON, message
from api.errors import Invalid
from core.models import IdempotentCall, User
from core.models.api.calls import KEY_LENGTH
from core.services.api import calls

NAME, HEADER = "Idempotency-Key", "HTTP_IDEMPOTENCY_KEY"


def key_of(request: HttpRequest) -> str:
    """Returns the key of a call; empty without one. Raises Invalid for an empty one, which would protect from
    nothing, and for one that cannot be stored."""
    if request.method != "POST" or HEADER not in request.META:
        return ""
    key = str(request.META[HEADER]).strip()
    if not key:
        raise Invalid(**{NAME: "It is empty. Send a value of your own for each call, or leave it out."})
    if len(key) > KEY_LENGTH or not (key.isascii() and key.isprintable()):
        raise Invalid(**{NAME: f"Use at most {KEY_LENGTH} letters, digits and signs of ASCII."})
    return key


def once(request: HttpRequest, issuer: User, key: str, call: Callable[[], HttpResponse]) -> HttpResponse:
    """Carry out a call under its key, in one transaction with the record of its answer, or return the first
    answer. Keys belong to the issuer; a key with another body is a 409."""
    said = [str(request.method).encode(), request.path.removesuffix("/").encode(), request.body]
    # With the secret key of the site: a body may hold a password, which could be guessed from a plain hash.
    wanted = salted_hmac("api.calls.idempotency", b"\0".join(said), algorithm="sha256").hexdigest()
    try:
        with transaction.atomic():
            # A second call with this key waits here until the first has ended.
            row = IdempotentCall.objects.create(
                user=issuer, key=key, digest=wanted, created_at=timezone.now()
            )
            response = call()
            if response.status_code >= 500 or response.status_code in (409, 429):
                transaction.set_rollback(True)  # nothing was done: the client may try again
                return response
            row.status, row.body = response.status_code, bytes(response.content)
            row.save(update_fields=["status", "body"])
            return response
    except IntegrityError:
        mine = IdempotentCall.objects.filter(user=issuer, key=key)
        if calls.over(timezone.now()).filter(pk__in=mine.values("pk")).delete()[0]:  # not pruned yet
            return once(request, issuer, key, call)
        first = mine.first()
        if first is None:
            raise
    if first.digest != wanted:
        return message(409, "This Idempotency-Key was used for another call. Use a new key for a new call.")
    again = HttpResponse(bytes(first.body), status=first.status, content_type=JSON)
    again["Idempotency-Replayed"] = "true"
    return again
