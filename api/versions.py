"""Versions of an object: an ETag with every answer, and If-Match so that two writers do not overwrite each
other."""

import hashlib
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from api.answers import answer, encode
from api.errors import OutOfDate


def etag(payload: Any) -> str:
    """Returns the ETag of what the API shows of an object: another one as soon as any of it changes."""
    return f'"{hashlib.sha256(encode(payload)).hexdigest()[:32]}"'


def check(request: HttpRequest, present: Callable[[], Any]) -> None:
    """Compare If-Match with the object as it is now: `present` reads what the API shows of it, while its row
    is locked, and is called only if the header was sent. Raises OutOfDate."""
    wanted = request.META.get("HTTP_IF_MATCH", "").strip()
    if wanted and wanted != "*" and etag(present()) not in _tags(wanted):
        raise OutOfDate


def read(request: HttpRequest, payload: dict[str, Any], status: int = 200) -> HttpResponse:
    """Returns one object with its ETag; 304 without content when If-None-Match names it."""
    tag = etag(payload)
    known = _tags(request.META.get("HTTP_IF_NONE_MATCH", ""))
    if status == 200 and request.method == "GET" and (tag in known or "*" in known):
        response = HttpResponse(status=304)
    else:
        response = answer(status, {"data": payload})
    response["ETag"] = tag
    return response


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",") if tag.strip()}
