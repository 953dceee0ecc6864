"""POST /webhooks/stripe: check the signature, store the event, answer. The queue does the rest.

Stripe sends an event again unless the answer is 2xx, so that is answered only after the row is committed.
While no secret is set, the address does not exist.
"""

import json

import structlog
from django.core.exceptions import RequestDataTooBig
from django.db import Error
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

from core.services.payments import inbox, signatures

log = structlog.get_logger(__name__)

LARGEST = 1024 * 1024  # bytes; events have some thousands
SIGNATURE = "Stripe-Signature"


@csrf_exempt
def receive(request: HttpRequest) -> HttpResponse:
    if not signatures.secrets():
        raise Http404
    if request.method != "POST":
        refused = _answer(405, "Stripe sends its events by POST.")
        refused["Allow"] = "POST"
        return refused
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
            return _answer(413, f"An event may have {LARGEST:,} bytes.")
        body = request.body
    except (RequestDataTooBig, ValueError):
        return _answer(413, f"An event may have {LARGEST:,} bytes.")
    except UnreadablePostError:
        return _answer(400, "The body was cut off.")
    if len(body) > LARGEST:
        return _answer(413, f"An event may have {LARGEST:,} bytes.")
    if not signatures.is_signed(body, request.headers.get(SIGNATURE, "")):
        return _answer(400, f"The header {SIGNATURE} is missing, too old, or not of this body.")
    return _store(body)


def _store(body: bytes) -> HttpResponse:
    try:
        inbox.store(json.loads(body))
    except (inbox.NotAnEvent, ValueError, RecursionError):
        return _answer(400, "The body is no event of Stripe.")
    except Error:
        log.exception("A Stripe event could not be stored")
        response = _answer(503, "The event could not be stored. Send it again.")
        response["Retry-After"] = "60"
        return response
    return _answer(200, "Stored.")


def _answer(status: int, text: str) -> HttpResponse:
    return HttpResponse(text + "\n", status=status, content_type="text/plain")
