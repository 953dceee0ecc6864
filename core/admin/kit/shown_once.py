"""Secrets that the next page of a screen shows once, after the dialog that made them. Until then the session
holds them, encrypted: messages would stand in it as they are."""

import time

from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html

from core import acting
from core.services.site import secrets

KEY, SECONDS = "shown_once", 300.0


def keep(request: HttpRequest, obj: Model, secret: str, words: str) -> None:
    """Let the next page of this object, or of its list, show a secret. `words` says what it is for."""
    request.session[KEY] = {
        "about": obj._meta.label,
        "secret": secrets.encrypt(secret),
        "words": words,
        "until": time.time() + SECONDS,
    }


def show(request: HttpRequest, model: type[Model]) -> None:
    """Show a secret that was kept for a page of this model, as a message with a button to copy it."""
    kept = request.session.get(KEY)
    if kept is None or kept["about"] != model._meta.label or request.method != "GET":
        return
    del request.session[KEY]
    if kept["until"] < time.time() or acting.current():
        return
    try:
        secret = secrets.decrypt(kept["secret"])
    except secrets.Unreadable:
        return
    messages.warning(
        request,
        format_html(
            '{} <span class="cell-copy"><input type="text" readonly value="{}" aria-label="Secret">'
            '<button type="button" class="d-button" data-copy="{}">Copy</button></span>',
            kept["words"],
            secret,
            secret,
        ),
    )
