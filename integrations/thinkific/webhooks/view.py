"""POST /webhooks/thinkific/: check the signature, store the event, answer 204. The queue does the rest.

Thinkific sends an event again if the answer is not 2xx. So 204 is answered only after the row is committed.
"""

import hashlib
import hmac

import structlog
from django.db import Error
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from core.services.site import connection
from core.services.site.connection import Name
from integrations.thinkific.webhooks import inbox
from integrations.thinkific.webhooks.envelope import NotAnEvent, read_envelope

log = structlog.get_logger(__name__)

SIGNATURE = "X-Thinkific-Hmac-Sha256"
LARGEST = 1024 * 1024  # bytes; events have a few thousand
RETRY_AFTER = "60"  # seconds


@csrf_exempt
@require_POST
def receive(request: HttpRequest) -> HttpResponse:
    signature = request.headers.get(SIGNATURE, "")
    if not signature:
        return _answer(401, f"The header {SIGNATURE} is missing.")
    try:
        body = _body(request)
    except UnreadablePostError:
        return _answer(400, "The body was cut off.")
    if body is None:
        return _answer(413, f"An event may have {LARGEST:,} bytes.")
    if not is_signed(body, signature):
        return _answer(401, "The signature does not belong to this body.")
    try:
        event = read_envelope(body)
    except NotAnEvent as problem:
        return _answer(400, str(problem))
    try:
        inbox.store(event)
    except Error:
        log.exception("The webhook %s %s could not be stored", event.topic, event.event_id)
        response = _answer(503, "The event could not be stored. Send it again.")
        response["Retry-After"] = RETRY_AFTER
        return response
    return HttpResponse(status=204)


def is_signed(body: bytes, signature: str) -> bool:
    """Returns whether the signature of these bytes was made with one of our secrets."""
    given = signature.strip().lower().encode("utf-8", "surrogateescape")
    matches = [
        hmac.compare_digest(hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode(), given)
        for secret in secrets()
    ]
    return any(matches)


def secrets() -> list[str]:
    """Returns the secrets that Thinkific may sign with.

    Thinkific does not document the secret for subscriptions made with an access token. So all keys that we
    have are candidates, except empty ones.
    """
    keys = [connection.secret(name).value.strip() for name in (Name.API_KEY, Name.ACCESS_TOKEN)]
    candidates = [*connection.webhook_secrets(), *keys]
    return [secret for secret in dict.fromkeys(candidates) if secret]


def _body(request: HttpRequest) -> bytes | None:
    """Returns the body; None if it is too large. Then only the part that shows this is read.

    A chunked body has no length, and Django treats it as empty. If the server marks the end of such a body
    (`wsgi.input_terminated`), it is read from the server directly.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and request.META.get("wsgi.input_terminated"):
        try:
            body = request.META["wsgi.input"].read(LARGEST + 1)
        except OSError as error:
            raise UnreadablePostError from error
        return body if len(body) <= LARGEST else None
    if length.isdecimal() and int(length) > LARGEST:
        return None
    return request.body


def _answer(status: int, text: str) -> HttpResponse:
    return HttpResponse(text + "\n", status=status, content_type="text/plain")
