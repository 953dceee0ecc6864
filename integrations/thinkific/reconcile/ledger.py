"""Writes the report during the walk: exact counts, and the first KEPT rows of each sort."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db.models import F
from django.utils import timezone

from integrations.models import Drift, DriftReport
from integrations.thinkific.reconcile.findings import Finding, Look
from integrations.thinkific.reconcile.stored import labels
from integrations.thinkific.runs.context import RunContext

KEPT = 1000  # rows of one sort of one kind: nobody reads more, and a kind can be repaired several times
Sort = Drift.Sort


def open_report(context: RunContext, kind: str) -> DriftReport:
    return DriftReport.objects.get_or_create(run=context.run, kind=kind)[0]


def add(context: RunContext, report: DriftReport, look: Look, *, listing: str = "") -> None:
    """Count what was found and keep the first rows. `listing` names their list, for `forget_theirs`.

    Call it inside the step, so that counts, rows and cursor are committed together.
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
    """Remove the `count` findings of a list that only Thinkific has, before the list is walked again."""
    _count(report, compared=-count, only_there=-count)
    rows = report.rows.filter(sort=Sort.ONLY_THERE, object_id__isnull=True)
    rows.filter(pointers__listing=listing).delete()


def note_second_look(report: DriftReport, row: Drift, found: Finding | str) -> None:
    """Note the outcome of the second comparison of a row: a Finding if it still differs, or `in_step`,
    `waiting` or `gone` (then the row no longer counts)."""
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
    """Returns the findings that are not in the report yet, each once: rows may come again on a later page."""
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
