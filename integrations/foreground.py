"""Carrying out a run in the process of a management command."""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError

from core.management.base import LocalTimeCommand
from core.processes import this_process
from integrations import stopping
from integrations.models import SyncRun
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.runs import lifecycle

LOOK_AGAIN = 1.0  # seconds between looks while another process works on the run


class SiteCommand(LocalTimeCommand):
    """Works with the connected site. Ctrl-C and SIGTERM tell it to stop (see stopping.py)."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if not Credentials.from_settings().complete:
            raise CommandError(
                "No Thinkific site is connected. Enter its subdomain and API key in Settings, or set "
                "THINKIFIC_SUBDOMAIN and THINKIFIC_API_KEY in the environment or in .env."
            )
        with stopping.by_signals():
            is_well = self.work(**options)
        if not is_well:
            sys.exit(1)

    def work(self, **options: Any) -> bool:
        """Returns whether it went well; else the exit code is 1."""
        raise NotImplementedError


def carry(
    kind: str, *, full: bool, say: Callable[[str], object], on_progress: Callable[[SyncRun], None]
) -> SyncRun:
    """Carry out a run of this kind here and return it when it has ended.

    If another process works on such a run already, wait for it, or take it over when that process has died.
    When this command is told to stop (see stopping.py), a run of its own ends as cancelled; a run of another
    process continues there.
    """
    run, attached = lifecycle.open_run(kind, full=full, trigger=SyncRun.Trigger.COMMAND)
    if attached:
        say(f"{run} is under way already; waiting for it.")
    while run.status in SyncRun.ACTIVE and not stopping.requested():
        claimed = lifecycle.claim(run.pk, worker=this_process())
        if claimed is not None:
            carry_out(claimed, on_progress=on_progress, foreground=True)
        else:
            time.sleep(LOOK_AGAIN)
        run.refresh_from_db()
        on_progress(run)
    if run.status == SyncRun.Status.QUEUED and not attached:  # we were told to stop before it began
        lifecycle.cancel(run)
        run.refresh_from_db()
    return run
