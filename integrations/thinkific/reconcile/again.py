"""Compares rows of a report again, to find which differences still exist."""

from collections.abc import Iterator

from core.models import Product
from integrations.models import Drift, DriftKind
from integrations.thinkific.reconcile import stored
from integrations.thinkific.reconcile.findings import Finding, Sort, with_unsent_change
from integrations.thinkific.reconcile.subjects import SUBJECTS, Remote
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.jobs import Job

Looked = tuple[Finding | str, Remote]


def read_again(context: RunContext, rows: list[Drift]) -> Iterator[Remote]:
    """Yields for each row its object as Thinkific has it now. Many are requested at the same time."""
    return context.side_by_side(_read(context, row) for row in rows)


def _read(context: RunContext, row: Drift) -> Job[Remote]:
    if _without_asking(row) is not None:
        return []
    return (yield from SUBJECTS[row.report.kind].read(context, row))


def look_again(context: RunContext, row: Drift, found: Remote) -> Looked:
    """Returns the difference as it is now, or `in_step`, `waiting` or `gone`; and the object as Thinkific has
    it. `found` is the object, which was read just before."""
    kind = row.report.kind
    subject = SUBJECTS[kind]
    if (known := _without_asking(row)) is not None:
        return known, []
    mine = stored.rows(kind).filter(pk=row.object_id).first() if row.object_id is not None else None
    if not found:
        if mine is None:
            return "gone", found
        if not stored.expected(kind).filter(pk=mine.pk).exists():
            return "in_step", found  # neither side has the object
        return Finding(Sort.ONLY_HERE, object_id=mine.pk, thinkific_id=row.thinkific_id), found
    look = subject.look(context, row, found)
    if look.findings:
        return look.findings[0], found
    return ("waiting" if look.waiting else "in_step"), found


def _without_asking(row: Drift) -> Finding | str | None:
    kind = row.report.kind
    mine = stored.rows(kind).filter(pk=row.object_id).first() if row.object_id is not None else None
    if row.object_id is not None and mine is None:
        return "gone"
    if mine is not None and with_unsent_change(stored.entity(kind), [mine.pk]):
        return "waiting"
    if kind == DriftKind.PRODUCTS and isinstance(mine, Product) and mine.source != Product.Source.REST:
        return as_reported(row)  # single products can only be read over REST, which does not have this one
    return None


def as_reported(row: Drift) -> Finding:
    return Finding(
        row.sort, object_id=row.object_id, thinkific_id=row.thinkific_id, differences=tuple(row.differences)
    )
