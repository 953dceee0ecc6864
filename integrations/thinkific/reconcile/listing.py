"""Compares a REST list with the walk that pulls use, and finds stored rows that are only here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from core.models import OutboxEntry
from core.services.mirror.outcome import Applied
from integrations.models import DriftReport
from integrations.thinkific.client.graphql.sending import GraphPage
from integrations.thinkific.client.paging import ENDLESS
from integrations.thinkific.reconcile import ledger, stored
from integrations.thinkific.reconcile.findings import Finding, Look, Sort, with_unsent_change
from integrations.thinkific.runs.completeness import ROUNDS
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.fetch import PageWalk
from integrations.thinkific.runs.list_walk import Handler, walk
from integrations.thinkific.runs.pages import RawPage, RawRow
from integrations.thinkific.runs.state import (
    COMPLETE,
    ENDS_NOT,
    MORE,
    SHORT,
    UNTOLD,
    ListState,
    Place,
)

AT_ONCE = 1000
NOT_JUDGED = "What is here and not in Thinkific was not judged"
SHIFTED = f"Pages kept shifting, in {ROUNDS} walks."
WHY_NOT = {
    COMPLETE: "",
    SHORT: f"{NOT_JUDGED}: {SHIFTED[0].lower()}{SHIFTED[1:]}",
    ENDS_NOT: f"{NOT_JUDGED}: the list {ENDLESS}",
    UNTOLD: f"{NOT_JUDGED}: Thinkific does not say how many there are.",
    MORE: f"{NOT_JUDGED}: more came than Thinkific says there are.",
}

# Compares rows; the second argument returns whether a stored row (primary key) is not to be compared.
Compare = Callable[[list[RawRow], Callable[[int], bool]], Look]


class ComparedState(ListState):
    theirs: int = 0  # rows of the newest round that only Thinkific has


class OnlyHere(Place):
    """The state of the search for rows that are only here, stored under the name of the list."""

    judged: int = 0  # the last one (primary key) that is in the report
    over: bool = False


@dataclass
class Compared(Handler):
    """Compares pages and adds the findings to the report."""

    report: DriftReport
    compare: Compare

    @property
    def state(self) -> ComparedState:
        return self.context.place(ComparedState, self.name)

    def prepare(self, batch: list[RawPage]) -> Look:
        """Compare outside of the step, to keep its transaction short: on SQLite other writers wait for it."""
        rows = list({row.id: row for page in batch for row in page.items}.values())
        return self.compare(rows, passed(self.context, self.name, self.state.top))

    def write(self, batch: list[RawPage], prepared: Look, pages: PageWalk) -> Applied:
        for row in (row for page in batch for row in page.bad_rows):
            self.context.fail(f"{self.report.get_kind_display()} {row.id}", row.message)
        ledger.add(self.context, self.report, prepared, listing=self.name)
        theirs = sum(finding.object_id is None for finding in prepared.findings)
        self.state.theirs += theirs
        progress(self.context, pages=len(batch), rows=sum(page.fetched for page in batch))
        return Applied(met=prepared.met, lost=prepared.new)

    def again(self) -> None:
        ledger.forget_theirs(self.report, listing=self.name, count=self.state.theirs)
        self.state.theirs = 0


def compare_list(context: RunContext, report: DriftReport, name: str, path: str, compare: Compare) -> str:
    """Compare a whole list with the stored rows of the report's kind. Returns why it is not known what is
    only here; empty if it is known."""
    walked = walk_list(context, report, name, path, compare)
    unread = WHY_NOT[walked.verdict]
    find_only_here(context, report, name, stored.expected(report.kind), top=walked.top, unread=unread)
    return unread


def walk_list(
    context: RunContext,
    report: DriftReport,
    name: str,
    path: str,
    compare: Compare,
    *,
    filters: Mapping[str, Any] | None = None,
) -> ListState:
    """Compare a whole list. If its verdict has a text in WHY_NOT, it is not known what is only here."""
    handler = Compared(context, name, report, compare)
    walked = walk(path, handler, stored=stored.of(report.kind), filters=filters)
    if walked.verdict == ENDS_NOT:
        context.partial = True
    return walked


def passed(context: RunContext, name: str, top: int) -> Callable[[int], bool]:
    """Returns a function of a primary key that says whether the row is not to be compared, because it was
    stored after the walk began or was compared before."""
    seen = context.seen(name)
    return lambda pk: pk > top or pk in seen


def store_nodes(
    context: RunContext,
    report: DriftReport,
    name: str,
    look: Look,
    page: GraphPage[Any],
    *,
    top: int,
    note: Callable[[GraphPage[Any]], None],
) -> None:
    """Store the outcome of comparing a page of GraphQL. `note` notes in the cursor that the page is done."""

    def write() -> None:
        ledger.add(context, report, look)
        context.seen(name).add(pk for pk in look.met if pk <= top)
        note(page)
        progress(context, rows=len(page.rows))

    context.store(write)


def progress(context: RunContext, *, pages: int = 1, rows: int) -> None:
    context.run.fetched += rows
    context.run.pages_done += pages
    context.run.pages_total = max(context.run.pages_total or 0, context.run.pages_done)


def find_only_here(
    context: RunContext, report: DriftReport, name: str, expected: QuerySet, *, top: int, unread: str = ""
) -> None:
    """Add to the report the expected rows that did not come from Thinkific. Rows stored after the walk began
    (primary keys above `top`) do not count. With `unread`, a reason why that is not known, nothing is added.
    """
    state = context.place(OnlyHere, name)
    if state.over:
        return
    seen = context.seen(name)
    keys = expected.filter(pk__gt=state.judged, pk__lte=top).order_by("pk").values_list("pk", flat=True)
    missing = [] if unread else [pk for pk in keys.iterator(chunk_size=5000) if pk not in seen]
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        look = _only_here(context, report.kind, part)

        def write(part: list[int] = part, look: Look = look) -> None:
            ledger.add(context, report, look, listing=name)
            state.judged = part[-1]

        context.store(write)

    def over() -> None:
        state.over = True
        context.forget(name)

    context.store(over)


def _only_here(context: RunContext, kind: str, pks: list[int]) -> Look:
    """Returns findings for these rows, without rows that were sent to Thinkific during the walk: it may have
    read their page before."""
    entity = stored.entity(kind)
    unsent = with_unsent_change(entity, pks)
    just_sent = set(
        OutboxEntry.objects.filter(
            Q(finished_at__gte=context.run.started_at), entity=entity, object_id__in=pks
        )
        .order_by()
        .values_list("object_id", flat=True)
    )
    numbers = thinkific_ids(kind, pks)
    missing = [pk for pk in pks if pk not in unsent and pk not in just_sent]
    return Look(
        waiting=len(unsent),
        findings=[Finding(Sort.ONLY_HERE, object_id=pk, thinkific_id=numbers.get(pk)) for pk in missing],
    )


def thinkific_ids(kind: str, pks: Iterable[int]) -> dict[int, int | None]:
    """Returns `primary key -> Thinkific id`; empty for group members, which have none."""
    model = stored.MODELS[kind]
    if not any(field.name == "thinkific_id" for field in model._meta.concrete_fields):
        return {}
    return dict(model._default_manager.filter(pk__in=list(pks)).values_list("pk", "thinkific_id"))
