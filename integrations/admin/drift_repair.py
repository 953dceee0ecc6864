"""The dialogs Compare and Repair. A repair first shows a preview, then runs in the background."""

import json
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar, NamedTuple

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html

from core.admin.kit.dialogs.answering import render
from core.admin.kit.dialogs.carrying_out import process, show_messages
from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.dialogs.in_page import PageDialog, answer_in_page
from core.admin.kit.lists.filters import key_of
from core.admin.kit.viewer import viewer_of
from core.models import SiteSettings
from integrations.models import Drift, DriftKind, Kind
from integrations.thinkific.reconcile import repair
from integrations.thinkific.reconcile.plan import SENT, Plan, Step, label, plan
from integrations.thinkific.reconcile.words import page
from integrations.thinkific.runs import lifecycle

CHANGE = "integrations.change_drift"
Choice, Sort = Drift.Choice, Drift.Sort
SHOWN = 100  # the most objects to list: of those to repair, and of those that cannot be repaired


class Line(NamedTuple):
    """One object in the preview."""

    step: Step
    changes: list[tuple[str, str, str]]  # field, before, after


# --- dialogs ------------------------------------------------------------------------------------------


class Compare(PageDialog):
    slug, label, title, keep = "compare", "Compare now", "Compare both sides now?", "Not now"
    question = (
        "All mirrored data is read from Thinkific and compared with the data stored here. Nothing is changed "
        "on either side. On a large site this takes a while, because syncs go first. You will be told when "
        "it is done."
    )

    permission = CHANGE

    def post_url(self) -> str:
        return reverse("admin:integrations_drift_compare")

    def carry_out(self) -> Done:
        started = lifecycle.request_run(Kind.RECONCILIATION, started_by=self.viewer)
        said = "A comparison is under way already" if started.attached else "The comparison has started"
        text = '{}. You will be told when it is done; <a href="{}" class="underline">see the run</a>.'
        return Done(format_html(text, said, started.url))


class Repair(ChosenDialog):
    """The preview of a repair of one row, of all rows of a kind, or of rows chosen in the list."""

    choice: ClassVar[str]
    side: ClassVar[str]  # the side that changes
    template, is_page = "dashboard/drift_repair.html", True
    rows = forms.CharField(widget=forms.HiddenInput(), required=False)  # primary keys of the shown rows
    shown = forms.CharField(widget=forms.HiddenInput(), required=False)  # digest of the shown plan

    permission = CHANGE

    @classmethod
    def of(cls, rows: QuerySet[Drift]) -> QuerySet[Drift]:
        return rows.select_related("report", "repaired_by").order_by("pk")

    @property
    def present_rows(self) -> QuerySet[Drift]:
        """Returns the chosen rows with their present values."""
        return self.of(Drift.objects.filter(pk__in=[row.pk for row in self.chosen]))

    @cached_property
    def plan(self) -> Plan:
        return plan(self.present_rows, self.choice)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("shown", "") not in ("", _digest(self.plan)):
            raise forms.ValidationError(
                "This has changed since you opened it. Nothing was done. You see the present state."
            )
        return values

    def carry_out(self) -> Done:
        started = repair.start(self.present_rows, choice=self.choice, by=self.viewer)
        link = format_html('<a href="{}" class="underline">see the run</a>', started.url)
        return Done(format_html("The repair has started. You will be told when it is done; {}.", link))

    def page_context(self) -> dict[str, Any]:
        """Makes a constant number of queries, and sends no request to Thinkific."""
        made = self.plan
        kinds = {step.row.report.get_kind_display() for step in [*made.doable, *made.refused]}
        takes = self.choice == Choice.TAKE
        removals = sum(step.row.sort == Sort.ONLY_HERE for step in made.doable) if takes else 0
        return {
            "title": f"{self.submit}: {kinds.pop()}" if len(kinds) == 1 else self.submit,
            "choice": self.choice,
            "doable": [_line(step, self.choice) for step in made.doable[:SHOWN]],
            "refused": made.refused[:SHOWN],
            "count": len(made.doable),
            "refused_count": len(made.refused),
            "more": max(0, len(made.doable) - SHOWN),
            "more_refused": max(0, len(made.refused) - SHOWN),
            "rows": ",".join(str(step.row.pk) for step in made.doable),
            "shown": _digest(made),
            "removals": removals,
            "many_removals": removals > 1 and removals > _guarded(made.doable),
            "side": self.side,
            "back": page(),
        }


class PushOurs(Repair):
    slug, action, choice = "push", "push_selected", Choice.PUSH
    label, submit, side = "Push ours…", "Push ours", "Thinkific"
    question = "Thinkific gets the values of the dashboard. They are sent like any change made here."


class TakeTheirs(Repair):
    slug, action, choice = "take", "take_selected", Choice.TAKE
    label, submit, side = "Take theirs…", "Take theirs", "The dashboard"
    question = "The dashboard gets the values of Thinkific. Nothing is sent to Thinkific."


REPAIRS: dict[str, type[Repair]] = {dialog.choice: dialog for dialog in (PushOurs, TakeTheirs)}


# --- addresses ----------------------------------------------------------------------------------------


def urls(model_admin: Any) -> list[URLPattern]:
    """Returns the addresses below that of the drift list."""
    guard = model_admin.admin_site.admin_view
    return [
        path("compare/", guard(partial(compare, model_admin)), name="integrations_drift_compare"),
        path("repair/", guard(partial(answer, model_admin)), name="integrations_drift_repair"),
    ]


def address(choice: str, **what: Any) -> str:
    """Returns the address of the preview for one `row` or for a `kind`."""
    query = "&".join(f"{name}={value}" for name, value in {"choice": choice, **what}.items())
    return f"{reverse('admin:integrations_drift_repair')}?{query}"


def compare(model_admin: Any, request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    return answer_in_page(Compare, request, back=page(), model_admin=model_admin)


def answer(model_admin: Any, request: HttpRequest) -> HttpResponse:
    """GET: show the preview for one row or a kind. POST: repair the shown rows."""
    viewer = viewer_of(request)
    if not Repair.may(viewer, None):
        raise PermissionDenied
    asked = request.POST if request.method == "POST" else request.GET
    dialog = REPAIRS.get(asked.get("choice", ""))
    if dialog is None:
        raise Http404
    rows = model_admin.get_queryset(request)
    if request.method == "POST":
        keys = [key for part in asked.get("rows", "").split(",") if (key := key_of(part)) is not None]
        rows = rows.filter(pk__in=keys)
    elif "row" in asked:
        rows = rows.filter(pk=key_of(asked["row"]) or 0)
        if not rows.exists():
            raise Http404
    elif asked.get("kind") in DriftKind.values:
        rows = rows.filter(report__kind=asked["kind"])
        if asked.get("sort") in Sort.values:
            rows = rows.filter(sort=asked["sort"])
    else:
        raise Http404
    form: Any = dialog(request.POST if request.method == "POST" else None, viewer=viewer, chosen=rows)
    if form.is_bound:
        done, form, _ = process(form)
        if done is not None:
            show_messages(request, done)
            return HttpResponseRedirect(page())
    return render(model_admin, request, form, {})


def _digest(made: Plan) -> str:
    """Returns a digest of what the preview shows, to check at the confirmation that nothing has changed."""
    said = [[step.row.pk, step.row.sort, step.row.differences, step.does] for step in made.doable]
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _guarded(steps: list[Step]) -> float:
    """Returns how many rows a pull would mark as removed without asking. Above it, the page warns."""
    reports = {step.row.report_id: step.row.report for step in steps}
    percent = SiteSettings.load().deletion_guard_percent
    return max((report.compared * percent / 100 for report in reports.values()), default=0)


def _line(step: Step, choice: str) -> Line:
    row = step.row
    sent = SENT.get(row.report.kind, frozenset())
    changes = []
    for one in row.differences:
        if choice == Choice.TAKE:
            changes.append((label(one["field"]), one["ours"], one["theirs"]))
        elif one["field"] in sent:
            changes.append((label(one["field"]), one["theirs"], one["ours"]))
    return Line(step, changes)
