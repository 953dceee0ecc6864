"""The pages of a repair: what would happen, to what, and what cannot; then it happens in the background."""

import json
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from core.admin.kit.lists.filters import key_of
from core.admin.kit.sitewide import sees_site
from core.admin.kit.viewer import viewer_of
from core.errors import Refusal
from core.models import SiteSettings
from integrations.models import Drift, DriftKind, Kind
from integrations.thinkific.reconcile import repair
from integrations.thinkific.reconcile.plan import SENT, Plan, Step, label, plan
from integrations.thinkific.reconcile.words import page
from integrations.thinkific.runs import lifecycle

CHANGE = "integrations.change_drift"
Choice, Sort = Drift.Choice, Drift.Sort
SHOWN = 100  # of those that would be repaired, and of those that cannot be
NAMES = {
    Choice.PUSH: (
        "Push ours",
        "Thinkific gets what the dashboard has. It goes out like any change made here.",
    ),
    Choice.TAKE: (
        "Take theirs",
        "The dashboard gets what Thinkific has. Nothing is sent to Thinkific.",
    ),
}


class Line(NamedTuple):
    """One object in the preview."""

    step: Step
    changes: list[tuple[str, str, str]]  # field, before, after


def urls(model_admin: Any) -> list[URLPattern]:
    """Below the drift's own addresses."""
    guard = model_admin.admin_site.admin_view
    return [
        path("compare/", guard(compare), name="integrations_drift_compare"),
        path("repair/", guard(partial(answer, model_admin)), name="integrations_drift_repair"),
    ]


def address(choice: str, **what: Any) -> str:
    """Of the preview: for one `row`, or for a `kind`."""
    query = "&".join(f"{name}={value}" for name, value in {"choice": choice, **what}.items())
    return f"{reverse('admin:integrations_drift_repair')}?{query}"


def compare(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    _check_may_change(request)
    try:
        started = lifecycle.request_run(Kind.RECONCILIATION, started_by=viewer_of(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        said = "A comparison is under way already" if started.attached else "The comparison has started"
        text = '{}. You are told when it is done; <a href="{}" class="underline">see the run</a>.'
        messages.success(request, format_html(text, said, started.url))
    return HttpResponseRedirect(page())


def answer(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """GET: the preview of one row or of a kind. POST with `confirmed`: do it, to the rows that were shown."""
    _check_may_change(request)
    asked = request.POST if request.method == "POST" else request.GET
    choice = asked.get("choice", "")
    if choice not in Choice.values:
        raise Http404
    rows = model_admin.get_queryset(request)
    if request.method == "POST":
        keys = [key for part in asked.get("rows", "").split(",") if (key := key_of(part)) is not None]
        rows = rows.filter(pk__in=keys)
        made = plan(_in_full(rows), choice)
        if asked.get("shown", "") not in ("", _digest(made)):
            messages.warning(
                request, "It has changed since it was shown. Nothing was done; this is how it stands now."
            )
            return preview(model_admin, request, rows, choice)
        return _start(request, rows, choice)
    if "row" in asked:
        rows = rows.filter(pk=key_of(asked["row"]) or 0)
        if not rows.exists():
            raise Http404
    elif asked.get("kind") in DriftKind.values:
        rows = rows.filter(report__kind=asked["kind"])
        if asked.get("sort") in Sort.values:
            rows = rows.filter(sort=asked["sort"])
    else:
        raise Http404
    return preview(model_admin, request, rows, choice)


def preview(model_admin: Any, request: HttpRequest, rows: QuerySet[Drift], choice: str) -> HttpResponse:
    """A constant number of queries; nothing is asked of Thinkific."""
    made = plan(_in_full(rows), choice)
    kinds = {step.row.report.get_kind_display() for step in [*made.doable, *made.refused]}
    name, text = NAMES[Choice(choice)]
    gone = sum(step.row.sort == Sort.ONLY_HERE for step in made.doable) if choice == Choice.TAKE else 0
    context = {
        **model_admin.admin_site.each_context(request),
        "title": f"{name}: {kinds.pop()}" if len(kinds) == 1 else name,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "choice": choice,
        "name": name,
        "text": text,
        "doable": [_line(step, choice) for step in made.doable[:SHOWN]],
        "refused": made.refused[:SHOWN],
        "count": len(made.doable),
        "refused_count": len(made.refused),
        "more": max(0, len(made.doable) - SHOWN),
        "more_refused": max(0, len(made.refused) - SHOWN),
        "rows": ",".join(str(step.row.pk) for step in made.doable),
        "shown": _digest(made),
        "gone": gone,
        "many_gone": gone > 1 and gone > _guarded(made.doable),
        "side": "Thinkific" if choice == Choice.PUSH else "The dashboard",
        "back": page(),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "dashboard/drift_repair.html", context)


def _in_full(rows: QuerySet[Drift]) -> QuerySet[Drift]:
    return rows.select_related("report", "repaired_by").order_by("pk")


def _digest(made: Plan) -> str:
    """What a preview says will happen, to tell whether that is still so when it is confirmed."""
    said = [[step.row.pk, step.row.sort, step.row.differences, step.does] for step in made.doable]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _guarded(steps: list[Step]) -> float:
    """How many of a kind a pull would mark as removed without asking: here the page asks."""
    reports = {step.row.report_id: step.row.report for step in steps}
    percent = SiteSettings.load().deletion_guard_percent
    return max((report.compared * percent / 100 for report in reports.values()), default=0)


def _line(step: Step, choice: str) -> Line:
    row = step.row
    going = SENT.get(row.report.kind, frozenset())
    changes = []
    for one in row.differences:
        if choice == Choice.TAKE:
            changes.append((label(one["field"]), one["ours"], one["theirs"]))
        elif one["field"] in going:
            changes.append((label(one["field"]), one["theirs"], one["ours"]))
    return Line(step, changes)


def _start(request: HttpRequest, rows: QuerySet[Drift], choice: str) -> HttpResponse:
    try:
        started = repair.start(rows, choice=choice, by=viewer_of(request))
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        link = format_html('<a href="{}" class="underline">see the run</a>', started.url)
        messages.success(
            request, format_html("The repair has started. You are told when it is done; {}.", link)
        )
    return HttpResponseRedirect(page())


def _check_may_change(request: HttpRequest) -> None:
    if not sees_site(request, CHANGE):
        raise PermissionDenied
