"""The notices about the end of a reconciliation or a repair, for people who wait for it."""

from django.db.models import F, Sum
from django.urls import reverse

from core.models import Notice
from core.wording import plural
from integrations.models import DriftReport, Kind, SyncRun
from integrations.thinkific.runs.lifecycle import url_of

Level = Notice.Level


def page() -> str:
    return reverse("admin:integrations_drift_changelist")


def last_report() -> SyncRun | None:
    """Returns the last reconciliation that was completed, or None."""
    over = (SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL)
    runs = SyncRun.objects.filter(kind=Kind.RECONCILIATION, status__in=over)
    return runs.order_by("-id").first()


def drifted(run: SyncRun) -> int:
    """Returns how many objects differ between the dashboard and Thinkific."""
    every = DriftReport.objects.filter(run=run)
    return every.aggregate(n=Sum(F("differs") + F("only_here") + F("only_there")))["n"] or 0


def ended(run: SyncRun) -> tuple[str, str, str]:
    """Returns level, text and address of the notice."""
    what = run.get_kind_display()
    why = run.errors[0]["message"] if run.errors else ""
    if run.status == SyncRun.Status.CANCELLED:
        return Level.WARNING, f"{what}: cancelled. {run.fetched:,} were looked at.", url_of(run)
    if run.status == SyncRun.Status.FAILED:
        return Level.ERROR, f"{what}: it failed. {why}", url_of(run)
    if run.kind == Kind.REPAIR:
        return _repaired(run)
    count, partly = drifted(run), f" Not everything was compared: {why}" if why else ""
    if not count:
        level = Level.WARNING if partly else Level.SUCCESS
        return level, f"{what}: both sides agree, {run.unchanged:,} compared.{partly}", page()
    differ = plural(count, "object differs", "objects differ")
    return Level.WARNING, f"{what}: {differ} between the dashboard and Thinkific.{partly}", page()


def _repaired(run: SyncRun) -> tuple[str, str, str]:
    said = f"{run.updated:,} repaired"
    if run.unchanged:
        said += f", {run.unchanged:,} in step meanwhile"
    if run.skipped:
        said += f", {run.skipped:,} not repaired: see why"
    return (Level.WARNING if run.skipped else Level.SUCCESS), f"Drift: {said}.", page()
