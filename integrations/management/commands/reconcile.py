"""manage.py reconcile: compares the dashboard with Thinkific and reports the differences."""

import json
import sys
from typing import Any

from integrations import stopping
from integrations.foreground import SiteCommand, carry
from integrations.models import DriftReport, Kind, SyncRun

COUNTS = ("compared", "in_step", "waiting", "differs", "only_here", "only_there")


class Command(SiteCommand):
    help = (
        "Compare everything that is mirrored with Thinkific, and report the differences. Changes nothing on "
        "either side. Exit code 1 if the run failed or was cancelled."
    )

    requires_system_checks = []

    def work(self, **options: Any) -> bool:
        run = carry(Kind.RECONCILIATION, full=True, say=self.stderr.write, on_progress=self._progress)
        stopped = stopping.requested()
        reports = list(run.drift_reports.all())
        if options["json"]:
            self.stdout.write(json.dumps(as_json(run, reports)))
        else:
            self._table(run, reports)
        return not stopped and run.status not in (SyncRun.Status.FAILED, SyncRun.Status.CANCELLED)

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
