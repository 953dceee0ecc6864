"""Dialogs that start a pull in the background. The message links to the run."""

from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.kit.dialogs.dialog import Dialog
from core.models import User
from core.services.site import sync_requests


class SyncDialog(Dialog):
    """For viewers who may start runs."""

    icon = "sync"
    permission = "core.run_tools"


def run_started(kind: str, *, what: str, by: User, options: dict[str, Any] | None = None) -> SafeString:
    """Start a run of this kind. Returns the message with a link to it. Raises Refusal."""
    run = sync_requests.request(kind, started_by=by, options=options)
    return format_html(
        'Syncing {} {}. You will be told when it is done; <a href="{}" class="underline">see the run</a>.',
        what,
        "is under way already" if run.attached else "has started",
        run.url,
    )
