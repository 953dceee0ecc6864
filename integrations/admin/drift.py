"""The screen Drift: differences between the dashboard and Thinkific that the last reconciliation found."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, URLPattern, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.viewer import viewer_of
from core.models.fields.history import done_by
from core.pills import pill, pill_of
from integrations.admin import drift_repair
from integrations.models import Drift, DriftKind, Kind, SyncRun
from integrations.progress import describe
from integrations.schedules import next_runs
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.reconcile import stored
from integrations.thinkific.reconcile.ledger import KEPT
from integrations.thinkific.reconcile.plan import REPAIRABLE, label
from integrations.thinkific.reconcile.words import last_report

Sort, Choice = Drift.Sort, Drift.Choice
SHOWN_FIELDS = 6  # the most fields of an object in the list; its page shows all


def _about(row: Drift) -> SafeString:
    address = object_url(row)
    name = cells.text(row.label)
    return format_html('<a class="cell-link" href="{}">{}</a>', address, name) if address else name


def _about_kind(row: Drift) -> SafeString:
    return format_html(
        '<span class="drift-lines"><span>{}</span><span class="cell-second">{}</span></span>',
        _about(row),
        row.report.get_kind_display(),
    )


def _state(row: Drift) -> SafeString:
    who = done_by(row, "repaired_by")
    by = f"{who}, {cells.day(row.repaired_at)}" if who and row.repaired_at else ""
    title = ". ".join(part for part in (by, row.outcome) if part)
    return pill(row.state, row.get_state_display(), title=title)


def _todo(row: Drift) -> SafeString:
    """Returns the links of a row. Viewers without the right to repair get a message on the preview."""
    if row.state not in REPAIRABLE:
        return cells.NOTHING
    links = [
        format_html('<a href="{}">{}</a>', drift_repair.address(choice, row=row.pk), choice.label)
        for choice in Choice
    ]
    return cells.actions(links)


def _everything(row: Drift) -> SafeString:
    if not row.differences:
        return cells.NOTHING
    values = (
        (label(one["field"]), cells.text(one["ours"], 2000), cells.text(one["theirs"], 2000))
        for one in row.differences
    )
    return format_html(
        '<div class="d-scroll"><table class="d-table"><thead><tr><th>Field</th><th>In the dashboard</th>'
        "<th>In Thinkific</th></tr></thead><tbody>{}</tbody></table></div>",
        format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", values),
    )


def _lines(row: Drift, key: str) -> SafeString:
    """Returns one line for each field, in the same order in each column. `key`: "field", "ours", "theirs"."""
    if not row.differences:
        exists = {"ours": Sort.ONLY_HERE, "theirs": Sort.ONLY_THERE}.get(key)
        return cells.NOTHING if key == "field" else cells.text("exists" if row.sort == exists else "missing")
    shown = row.differences[:SHOWN_FIELDS]
    texts = [label(one[key]) if key == "field" else one[key] for one in shown]
    if len(row.differences) > SHOWN_FIELDS and key == "field":
        texts.append(f"and {len(row.differences) - SHOWN_FIELDS} more")
    lines = ((cells.text(text, 120),) for text in texts)
    return format_html('<span class="drift-lines">{}</span>', format_html_join("", "<span>{}</span>", lines))


def _all(key: str, row: Drift) -> str:
    """Returns the values of all fields, for a file."""
    values = ((label(one[key]) if key == "field" else str(one[key])) for one in row.differences)
    return "; ".join(values)


def _repairer(row: Drift) -> str:
    return done_by(row, "repaired_by")


def object_url(row: Drift) -> str:
    """Returns the URL of the object's page, or of the group's for a group membership; empty if there is
    none."""
    if row.object_id is None:
        return ""
    model, key = stored.entity(row.report.kind), row.object_id
    if row.report.kind == DriftKind.MEMBERS:  # `listing` names the group: "members 7"
        model, key = "thinkificgroup", row.pointers.get("listing", "").partition(" ")[2]
    try:
        return reverse(f"admin:core_{model}_change", args=[key])
    except NoReverseMatch:
        return ""


@admin.register(Drift)
class DriftAdmin(SitewideAdmin, ExportingAdmin):
    about = column("Object", _about)
    about_kind = column(
        "Object",
        _about_kind,
        in_file=[column("Object", "label"), column("Data", "report.get_kind_display")],
    )
    kind = column("Data", "report.get_kind_display")
    found = column("Drift", pill_of("sort"), in_file="get_sort_display")
    field_names = column("Field", lambda row: _lines(row, "field"), in_file=partial(_all, "field"))
    ours = column("In the dashboard", lambda row: _lines(row, "ours"), in_file=partial(_all, "ours"))
    theirs = column("In Thinkific", lambda row: _lines(row, "theirs"), in_file=partial(_all, "theirs"))
    who_repaired = column("Repaired by", lambda row: cells.done_by(row, "repaired_by"), in_file=_repairer)
    state_pill = column("State", _state, in_file="get_state_display")
    todo = column("Repair", _todo, in_file=())
    everything = column("Values", _everything)
    outcome_text = column("Outcome", "outcome", cells.text, limit=2000)
    repaired = column("Repaired", "repaired_at", cells.moment)
    compared = column("Compared", "report.compared_at", cells.moment)

    list_display = ["about_kind", "found", "field_names", "ours", "theirs", "state_pill", "todo"]
    list_display_links = ["found"]  # the name leads to the object itself
    list_filter = [
        choice_filter("kind", dict(DriftKind.choices), title="data", field="report__kind"),
        choice_filter("sort", title="drift"),
        choice_filter("state"),
    ]
    list_select_related = ["report", "repaired_by"]
    search_fields = ["folded"]
    search_help_text = "Search by the object's name"
    ordering = ["id"]
    list_top_template = "dashboard/drift_report.html"
    actions = [drift_repair.PushOurs, drift_repair.TakeTheirs]
    export_columns = (column("Outcome", "outcome"), *who_repaired.in_file, repaired, compared)
    fields = [
        "about",
        "kind",
        "found",
        "everything",
        "state_pill",
        "outcome_text",
        "who_repaired",
        "repaired",
        "compared",
    ]
    empty_title = "Nothing to repair"
    empty_text = "Differences between the dashboard and Thinkific that a comparison finds are listed here."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Returns the rows of the last report only."""
        run = last_report()
        return super().get_queryset(request).filter(report__run=run.pk if run else None)

    def get_urls(self) -> list[URLPattern]:
        return drift_repair.urls(self) + super().get_urls()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = self._report(request) if self.has_view_permission(request) else {}
        return super().changelist_view(request, context | (extra_context or {}))

    def _report(self, request: HttpRequest) -> dict[str, Any]:
        run = last_report()
        active = SyncRun.objects.active().filter(kind__in=[Kind.RECONCILIATION, Kind.REPAIR]).order_by("-id")
        reports = {report.kind: report for report in run.drift_reports.all()} if run else {}
        drifted = sum(report.drifted for report in reports.values())
        comparing = [one for one in active if one.kind == Kind.RECONCILIATION]
        return {
            "report_run": run,
            "reports": [reports[kind] for kind in DriftKind if kind in reports],
            "drifted": drifted,
            "drifted_pill": pill("drifted", f"{drifted:,} drifted", live=True)
            if drifted
            else pill("Both sides agree", live=True),
            "kept": KEPT,
            "cut": any(getattr(report, sort) > KEPT for report in reports.values() for sort in Sort.values),
            "active_runs": [describe(one) for one in active],
            "can_compare": not comparing and Credentials.from_settings().complete,
            "connected": Credentials.from_settings().complete,
            "may_change": self.sees(request, "change"),
            "compare": drift_repair.Compare(viewer=viewer_of(request)),
            "next_comparison": next_runs().get((Kind.RECONCILIATION, True)),
        }
