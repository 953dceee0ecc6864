"""Secrets that the next page of a screen shows once, after the dialog that made them. Until then the session
holds them, encrypted: messages would stand in it as they are."""

import time
from collections.abc import Callable
from typing import Any

from django.db.models import Model
from django.http import HttpRequest

from core import acting
from core.services.site import secrets

KEY, SECONDS = "shown_once", 300.0


def kept(obj: Model, secret: str, words: str) -> Callable[[HttpRequest], None]:
    """Returns what lets the next page of this object, or of its list, show a secret (`Done.then`). `words`
    says what it is for."""

    def keep(request: HttpRequest) -> None:
        request.session[KEY] = {
            "about": obj._meta.label,
            "secret": secrets.encrypt(secret),
            "words": words,
            "until": time.time() + SECONDS,
        }

    return keep


def take(request: HttpRequest, model: type[Model]) -> dict[str, Any] | None:
    """Returns the secret that was kept for a page of this model, with its words, for
    `dashboard/shown_once.html`; it is not kept any longer. None when there is none. Call it for viewers of
    the screen only. A page that dashboard/live.js fetches again does not show it, so it stays for the next
    one."""
    found = request.session.get(KEY)
    if found is None or found["about"] != model._meta.label:
        return None
    if request.method != "GET" or "X-Live" in request.headers:
        return None
    del request.session[KEY]
    if found["until"] < time.time() or acting.current():
        return None
    try:
        return {"words": found["words"], "secret": secrets.decrypt(found["secret"])}
    except secrets.Unreadable:
        return None
