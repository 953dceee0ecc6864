"""A walk over a REST list that compares and stores nothing but the report: resumed where it stopped, repeated
when pages shifted under it, and what of the stored rows it did not meet."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import Max, Q, QuerySet

from core.models import OutboxEntry
from integrations.models import DriftReport
from integrations.thinkific.client.paging import ENDLESS
from integrations.thinkific.reconcile import ledger, stored
from integrations.thinkific.reconcile.findings import Finding, Look, Sort, with_unsent_change
from integrations.thinkific.runs import completeness
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.fetch import batches
from integrations.thinkific.runs.pages import RawPage, RawRow

AT_ONCE = 1000
NOT_JUDGED = "What is here and not in Thinkific was not judged"
SHIFTED = f"Pages kept shifting, in {completeness.ROUNDS} walks."
WHY_NOT = {
    completeness.COMPLETE: "",
    completeness.SHORT: f"{NOT_JUDGED}: {SHIFTED[0].lower()}{SHIFTED[1:]}",
    completeness.ENDS_NOT: f"{NOT_JUDGED}: the list {ENDLESS}",
    completeness.UNTOLD: f"{NOT_JUDGED}: Thinkific does not say how many there are.",
    completeness.MORE: f"{NOT_JUDGED}: more came than Thinkific says there are.",
}

# Compares rows of a page; the second argument says which primary keys were looked at before.
Compare = Callable[[list[RawRow], Callable[[int], bool]], Look]


def walk(
    context: RunContext,
    report: DriftReport,
    name: str,
    path: str,
    compare: Compare,
    *,
    filters: Mapping[str, Any] | None = None,
) -> str:
    """Compare a whole list. Returns why what it did not meet cannot be judged; empty where it can."""
    state = begin(context, report.kind, name)
    while not state.get("done"):
        if not state.get("ended"):
            _round(context, report, name, state, path, compare, filters)
        rows = stored.MODELS[report.kind]._default_manager.all()
        verdict = completeness.judge(state, completeness.count(context, name, state, rows))
        if verdict == completeness.SHORT and state["round"] < completeness.ROUNDS:

            def again(state: dict[str, Any] = state) -> None:
                ledger.forget_theirs(report, listing=name, count=state["theirs"])
                completeness.begin_again(context, name, state)
                state["theirs"] = 0

            context.store(again)
        else:
            state |= {"done": True, "verdict": verdict}
    verdict = state.get("verdict", completeness.UNTOLD)  # one that was over before an upgrade has none
    context.partial = context.partial or verdict == completeness.ENDS_NOT
    return WHY_NOT[verdict]


def begin(context: RunContext, kind: str, name: str) -> dict[str, Any]:
    """The list's place in the cursor. What is stored after this moment is not judged: it came meanwhile."""
    if name not in context.cursor:
        top = stored.MODELS[kind]._default_manager.aggregate(top=Max("pk"))["top"] or 0
        context.cursor[name] = {"page": 0, "round": 1, "new": 0, "theirs": 0, "total": None, "top": top}
    state: dict[str, Any] = context.cursor[name]
    return state


def _round(
    context: RunContext,
    report: DriftReport,
    name: str,
    state: dict[str, Any],
    path: str,
    compare: Compare,
    filters: Mapping[str, Any] | None,
) -> None:
    seen, top = context.seen(name), state["top"]
    pages = context.lists.walk(path, filters, first=state["page"] + 1)
    for batch in batches(pages):
        rows = list({row.id: row for page in batch for row in page.rows}.values())
        # Before the step, which is then short: the others wait for it where there is one writer at a time.
        look = compare(rows, lambda pk: pk > top or pk in seen)

        def write(look: Look = look, batch: list[RawPage] = batch) -> None:
            bad = [row for page in batch for row in page.bad_rows]
            for row in bad:
                context.fail(f"{report.get_kind_display()} {row.id}", row.message)
            ledger.add(context, report, look, listing=name)
            completeness.note_met(context, name, state, look.met)
            context.numbers(name).add(look.new)
            state["lost"] = state.get("lost", 0) + len(bad)
            state["theirs"] += sum(finding.object_id is None for finding in look.findings)
            state["page"], state["ended"] = batch[-1].number, pages.is_over
            completeness.note_told(state, batch)
            progress(context, pages=len(batch), rows=sum(page.fetched for page in batch))

        context.store(write)
    completeness.note_end(state, pages)


def progress(context: RunContext, *, pages: int = 1, rows: int) -> None:
    context.run.fetched += rows
    context.run.pages_done += pages
    context.run.pages_total = max(context.run.pages_total or 0, context.run.pages_done)


def judge(
    context: RunContext, report: DriftReport, name: str, expected: QuerySet, *, unread: str = ""
) -> None:
    """What is stored, was there when the walk began, and was not met by it: only here. `unread` says why
    nothing can be told, where it cannot."""
    state = context.cursor[name]
    if state.get("over"):
        return
    seen, after = context.seen(name), state.get("judged", 0)
    keys = expected.filter(pk__gt=after, pk__lte=state["top"]).order_by("pk").values_list("pk", flat=True)
    missing = [] if unread else [pk for pk in keys.iterator(chunk_size=5000) if pk not in seen]
    for start in range(0, len(missing), AT_ONCE):
        part = missing[start : start + AT_ONCE]
        look = _only_here(context, report.kind, part)

        def write(part: list[int] = part, look: Look = look) -> None:
            ledger.add(context, report, look, listing=name)
            state["judged"] = part[-1]

        context.store(write)

    def over() -> None:  # which rows were met is forgotten in the step that says so
        state["over"] = True
        context.forget(name)

    context.store(over)


def _only_here(context: RunContext, kind: str, pks: list[int]) -> Look:
    """Without what we ourselves sent while the walk was under way: it may have passed its place before."""
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
    """`primary key -> Thinkific id`; group members have none of their own."""
    model = stored.MODELS[kind]
    if not any(field.name == "thinkific_id" for field in model._meta.concrete_fields):
        return {}
    return dict(model._default_manager.filter(pk__in=list(pks)).values_list("pk", "thinkific_id"))
