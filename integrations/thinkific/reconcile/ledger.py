"""The report, written while the walk goes on: exact counts, and the first rows of each sort."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import F
from django.utils import timezone

from integrations.models import Drift, DriftReport
from integrations.thinkific.reconcile.findings import Finding, Look
from integrations.thinkific.reconcile.stored import labels
from integrations.thinkific.runs.context import RunContext

KEPT = 1000  # rows of one sort of one kind: nobody reads more, and the whole kind can be repaired again
Sort = Drift.Sort


def open_report(context: RunContext, kind: str) -> DriftReport:
    return DriftReport.objects.get_or_create(run=context.run, kind=kind)[0]


def add(context: RunContext, report: DriftReport, look: Look, *, listing: str = "") -> None:
    """Count what was found and keep the first of it. `listing` names where it was found, for `forget_theirs`.

    Call it inside the step that found it: counts, rows and cursor stand or fall together.
    """
    findings = _new(report, look.findings)
    sorts = Counter(finding.sort for finding in findings)
    _count(
        report,
        compared=look.in_step + look.waiting + len(findings),
        in_step=look.in_step,
        waiting=look.waiting,
        **{str(sort): count for sort, count in sorts.items()},
    )
    for sort in sorts:
        _keep(report, [finding for finding in findings if finding.sort == sort], sort, listing)
    context.run.unchanged += look.in_step
    context.run.skipped += look.waiting
    for issue in look.unreadable:
        context.fail(issue.object, issue.message)


def forget_theirs(report: DriftReport, *, listing: str, count: int) -> None:
    """A list is walked once more: what only Thinkific had in it is counted anew."""
    _count(report, compared=-count, only_there=-count)
    rows = report.rows.filter(sort=Sort.ONLY_THERE, object_id__isnull=True)
    rows.filter(pointers__listing=listing).delete()


def settle(report: DriftReport, row: Drift, found: Finding | str) -> None:
    """What a second look at a row of the report showed: the same, or `in_step`, `waiting` or `gone` (there
    is nothing to say of it)."""
    if not isinstance(found, str):
        return
    Drift.objects.filter(pk=row.pk).delete()
    _count(report, **({row.sort: -1, "compared": -1} if found == "gone" else {row.sort: -1, found: 1}))


def close(report: DriftReport, note: str = "") -> None:
    DriftReport.objects.filter(pk=report.pk).update(compared_at=timezone.now(), note=note)


def _count(report: DriftReport, **counts: int) -> None:
    changes: dict[str, Any] = {name: F(name) + count for name, count in counts.items() if count}
    if changes:
        DriftReport.objects.filter(pk=report.pk).update(**changes)


def _new(report: DriftReport, findings: list[Finding]) -> list[Finding]:
    """Each once: pages that shift show a row again."""
    by_key = {finding.key[:300]: finding for finding in findings}
    known = set(report.rows.filter(key__in=list(by_key)).values_list("key", flat=True)) if by_key else set()
    return [finding for key, finding in by_key.items() if key not in known]


def _keep(report: DriftReport, findings: Iterable[Finding], sort: str, listing: str) -> None:
    room = KEPT - report.rows.filter(sort=sort).count()
    kept = list(findings)[: max(0, room)]
    from_store = labels(report.kind, [f.object_id for f in kept if f.object_id is not None and not f.label])
    Drift.objects.bulk_create(
        Drift(
            report=report,
            sort=finding.sort,
            key=finding.key[:300],
            object_id=finding.object_id,
            thinkific_id=finding.thinkific_id,
            pointers=finding.pointers | ({"listing": listing} if listing else {}),
            label=(finding.label or from_store.get(finding.object_id or 0, finding.key))[:600],
            differences=list(finding.differences),
        )
        for finding in kept
    )
