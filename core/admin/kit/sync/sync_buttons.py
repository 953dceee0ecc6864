"""Buttons that start a pull: they ask first, run in the background, and lead to the run."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.kit.base import close_dialog
from core.admin.kit.viewer import viewer_of
from core.errors import Refusal
from core.models import User
from core.services.site import sync_requests


def start_pull(
    request: HttpRequest, kind: str, *, what: str, back: str, options: dict[str, Any] | None = None
) -> HttpResponse:
    """Start it and go `back`, with a message that leads to the run. `what` is what is being synced."""
    try:
        messages.success(request, run_started(kind, what=what, by=viewer_of(request), options=options))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return close_dialog(request, back)


def run_started(kind: str, *, what: str, by: User, options: dict[str, Any] | None = None) -> SafeString:
    """Start it, and answer the sentence that leads to the run. Raises Refusal."""
    run = sync_requests.request(kind, started_by=by, options=options)
    return format_html(
        'Syncing {} {}. You are told when it is done; <a href="{}" class="underline">see the run</a>.',
        what,
        "is under way already" if run.attached else "has started",
        run.url,
    )
