"""manage.py sync KIND… | all: pulls in this process."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from integrations import stopping
from integrations.foreground import SiteCommand, carry
from integrations.models import COUNTS, PULLED, Kind, SyncRun
from integrations.thinkific.kinds import INCREMENTAL, PULLS, carry_out


class Command(SiteCommand):
    help = (
        "Pull from Thinkific now, in the foreground. If a run of the same kind is under way, the command "
        "waits for it, or takes it over if its process has died. Ctrl-C or SIGTERM cancels it within two "
        "seconds; it can be resumed. Exit code 1 if a run failed or was cancelled."
    )

    requires_system_checks = []  # the checks load every screen, which takes longer than a small pull

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("kinds", nargs="+", choices=[*PULLED, Kind.RECONCILIATION, "all"], metavar="KIND")
        parser.add_argument("--full", action="store_true", help="everything, not only what changed")
        parser.add_argument("--dry-run", action="store_true", help="report what would change, write nothing")

    def work(self, **options: Any) -> bool:
        wanted = options["kinds"]
        kinds: list[str] = [kind for kind in PULLS if kind in wanted or "all" in wanted]
        if Kind.RECONCILIATION in wanted:
            if options["dry_run"]:
                raise CommandError("A reconciliation has no dry run: it changes nothing but its own report.")
            kinds.append(Kind.RECONCILIATION)
        finished = []
        for kind in kinds:
            carry_one = self._dry if options["dry_run"] else self._run
            run = carry_one(kind, options["full"])
            finished.append(run)
            self._line(run)
            if stopping.requested():
                break
        stopped = stopping.requested()
        if options["json"]:
            self.stdout.write(json.dumps({"runs": [report(run) for run in finished]}))
        ended_badly = (SyncRun.Status.FAILED, SyncRun.Status.CANCELLED)
        return not (stopped or any(run.status in ended_badly for run in finished))

    def _run(self, kind: str, full: bool) -> SyncRun:
        full = full or kind not in INCREMENTAL
        return carry(kind, full=full, say=self.stderr.write, on_progress=self._progress)

    def _dry(self, kind: str, full: bool) -> SyncRun:
        run = SyncRun(kind=kind, full=full or kind not in INCREMENTAL, cursor={}, errors=[])
        run.status, run.started_at = SyncRun.Status.RUNNING, timezone.now()
        carry_out(run, dry_run=True, on_progress=self._progress, foreground=True)
        run.finished_at = timezone.now()
        return run

    def _progress(self, run: SyncRun) -> None:
        if not sys.stderr.isatty():
            return
        done, total = run.pages_done, run.pages_total
        bar = f"{done}/{total or '?'}"
        if total:
            filled = min(30, 30 * done // max(total, 1))
            bar = f"[{'█' * filled}{'·' * (30 - filled)}] {bar}"
        self.stderr.write(f"\r{run.get_kind_display():<15} {bar} pages, {run.fetched:,} rows", ending="")
        self.stderr.flush()

    def _line(self, run: SyncRun) -> None:
        if sys.stderr.isatty():
            self.stderr.write("")
        counts = ", ".join(f"{getattr(run, name):,} {name}" for name in COUNTS if getattr(run, name))
        self.stderr.write(f"{run.get_kind_display()}: {run.status} ({counts or 'nothing to do'})")
        for error in run.errors[:5]:
            self.stderr.write(f"  {error['object']}: {error['message']}")
        if len(run.errors) > 5:
            self.stderr.write(f"  and {len(run.errors) - 5} more")


def report(run: SyncRun) -> dict[str, Any]:
    """Returns a run as `--json` shows it."""
    started, finished = run.started_at, run.finished_at
    return {
        "kind": run.kind,
        "status": run.status,
        **{name: getattr(run, name) for name in ("requests", *COUNTS)},
        "seconds": round((finished - started).total_seconds(), 3) if started and finished else 0,
        "errors": run.errors,
    }
