"""manage.py reconcile: compares the dashboard with Thinkific and reports the differences."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations import stopping
from integrations.foreground import carry
from integrations.models import DriftReport, Kind, SyncRun
from integrations.thinkific.client.credentials import Credentials

COUNTS = ("compared", "in_step", "waiting", "differs", "only_here", "only_there")


class Command(BaseCommand):
    help = (
        "Compare everything that is mirrored with Thinkific, and report the differences. Changes nothing on "
        "either side. Exit code 1 if the run failed or was cancelled."
    )

    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if not Credentials.from_settings().complete:
            raise CommandError(
                "No Thinkific site is connected. Set THINKIFIC_SUBDOMAIN and THINKIFIC_API_KEY, in the "
                "environment or in .env."
            )
        with stopping.by_signals():
            run = carry(Kind.RECONCILIATION, full=True, say=self.stderr.write, on_progress=self._progress)
            stopped = stopping.requested()
        reports = list(run.drift_reports.all())
        if options["json"]:
            self.stdout.write(json.dumps(as_json(run, reports)))
        else:
            self._table(run, reports)
        if stopped or run.status in (SyncRun.Status.FAILED, SyncRun.Status.CANCELLED):
            sys.exit(1)

    def _progress(self, run: SyncRun) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{run.fetched:,} compared", ending="")
            self.stderr.flush()

    def _table(self, run: SyncRun, reports: list[DriftReport]) -> None:
        heads = [name.replace("_", " ").replace("there", "in Thinkific") for name in COUNTS]
        self.stdout.write(f"{'':16}" + "".join(f"{head:>18}" for head in heads))
        for report in reports:
            counts = "".join(f"{getattr(report, name):>18,}" for name in COUNTS)
            self.stdout.write(f"{report.get_kind_display():16}{counts}")
            if report.note:
                self.stdout.write(f"  {report.note}")
        for error in run.errors[:5]:
            self.stderr.write(f"  {error['object']}: {error['message']}")


def as_json(run: SyncRun, reports: list[DriftReport]) -> dict[str, Any]:
    return {
        "run": run.pk,
        "status": run.status,
        "requests": run.requests,
        "kinds": [
            {"kind": report.kind, **{name: getattr(report, name) for name in COUNTS}, "note": report.note}
            for report in reports
        ],
        "errors": run.errors,
    }
