"""Runs: what was asked of Thinkific, how far it is, what came of it. Cancel, Resume, Confirm removals."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin import cells
from core.admin.filters import ChoiceFilter
from core.errors import Refusal
from core.models import User
from integrations.admin.sitewide import SitewideAdmin
from integrations.models import KEPT_ERRORS, Kind, SyncRun
from integrations.progress import COUNTS, describe

RESUMABLE = (SyncRun.Status.FAILED, SyncRun.Status.CANCELLED)
OPTION_LABELS = {
    "team_id": "Assign to team",
    "emails": "E-mails",
    "mappings": "Groups to teams",
    "direction": "Direction",
    "product_id": "Product",
    "confirm_removals": "Removals confirmed",
}


class KindFilter(ChoiceFilter):
    title = "kind"
    parameter_name = "kind"
    choices_offered = tuple(Kind.choices)

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(kind=value)


class StatusFilter(ChoiceFilter):
    title = "status"
    parameter_name = "status"
    choices_offered = (("active", "Under way"), *SyncRun.Status.choices)

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.active() if value == "active" else queryset.filter(status=value)


class TriggerFilter(ChoiceFilter):
    title = "trigger"
    parameter_name = "trigger"
    choices_offered = tuple(SyncRun.Trigger.choices)

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(trigger=value)


@admin.register(SyncRun)
class SyncRunAdmin(SitewideAdmin):
    change_list_template = "dashboard/run_list.html"
    list_display = ["run", "state", "progress", "started", "starter", "duration", "requests"]
    list_filter = [KindFilter, StatusFilter, TriggerFilter]
    list_select_related = ["started_by"]
    ordering = ["-id"]
    empty_title = "Nothing has been synced yet"
    empty_text = "Start a sync under Tools, or wait for the schedules."

    # --- the list -----------------------------------------------------------------------------------

    @display(description="Run")
    def run(self, run: SyncRun) -> SafeString:
        extent = "" if run.full else format_html(' <span class="d-small d-faint">{}</span>', "changes")
        return format_html("{}{}", run.get_kind_display(), extent)

    @display(description="Status")
    def state(self, run: SyncRun) -> SafeString:
        shown = describe(run)
        return format_html(
            '<span data-run="{}"{}><span class="d-pill d-{}" data-status="{}">{}</span></span>',
            run.pk,
            SafeString(" data-active" if shown["active"] else ""),
            shown["tone"],
            run.status,
            shown["status_label"],
        )

    @display(description="Progress")
    def progress(self, run: SyncRun) -> SafeString:
        shown = describe(run)
        if not shown["active"]:
            return format_html('<span class="d-small">{}</span>', shown["line"])
        bar = render_to_string("dashboard/bar.html", {"run": shown})
        return format_html('<div data-run="{}" style="min-width: 13rem">{}</div>', run.pk, SafeString(bar))

    @display(description="Started")
    def started(self, run: SyncRun) -> SafeString:
        return cells.moment(run.started_at or run.created_at)

    @display(description="By")
    def starter(self, run: SyncRun) -> SafeString:
        return cells.text(
            run.started_by.get_full_name() if run.started_by else run.get_trigger_display().capitalize()
        )

    @display(description="Duration")
    def duration(self, run: SyncRun) -> str | None:
        return str(describe(run)["duration"]) if run.started_at else None

    # --- one run ------------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "GET":
            raise PermissionDenied  # runs are read-only; what can be done to them has addresses of its own
        run = self.get_object(request, object_id)
        if not self.has_view_permission(request, run):
            raise PermissionDenied
        if not isinstance(run, SyncRun):
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        shown = describe(run)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{run.get_kind_display()}, run {run.pk}",
            "opts": self.opts,
            "original": run,
            "run": run,
            "shown": shown,
            "counts": [(name, shown["counts"][name]) for name in COUNTS],
            "options": _options_in_words(run),
            "more_errors": max(0, run.failed - len(run.errors)) if len(run.errors) >= KEPT_ERRORS else 0,
            "conflicts": run.conflicts.count(),
            "may_change": self.sees(request, "change"),
            "can_cancel": shown["active"] and run.cancel_requested_at is None,
            "can_resume": run.status in RESUMABLE,
            "can_confirm": not shown["active"] and run.guarded > 0,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "dashboard/run.html", context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<int:run_id>/cancel/", view(self.cancel), name="integrations_syncrun_cancel"),
            path("<int:run_id>/resume/", view(self.resume), name="integrations_syncrun_resume"),
            path("<int:run_id>/confirm/", view(self.confirm), name="integrations_syncrun_confirm"),
        ]
        return own + super().get_urls()

    def cancel(self, request: HttpRequest, run_id: int) -> HttpResponse:
        return self._act(request, run_id, lambda run: _do("cancel", run), "The run stops after its page.")

    def resume(self, request: HttpRequest, run_id: int) -> HttpResponse:
        return self._act(
            request,
            run_id,
            lambda run: _do("resume", run, by=request.user),
            "The run goes on where it stopped. You will be told when it is done.",
        )

    def confirm(self, request: HttpRequest, run_id: int) -> HttpResponse:
        return self._act(
            request,
            run_id,
            lambda run: _do("confirm_removals", run, by=request.user),
            "Confirmed. You will be told when the removals are marked.",
        )

    def _act(
        self, request: HttpRequest, run_id: int, work: Callable[[SyncRun], object], done: str
    ) -> HttpResponse:
        if request.method != "POST" or not self.sees(request, "change"):
            raise PermissionDenied
        run = self.get_queryset(request).filter(pk=run_id).first()
        if run is None:
            raise Http404
        try:
            outcome = work(run)
            messages.success(request, done)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            outcome = None
        # Resuming or confirming may open a run of its own: that is the one to watch.
        shown = getattr(outcome, "run_id", None) or getattr(outcome, "pk", None) or run.pk
        return HttpResponseRedirect(reverse("admin:integrations_syncrun_change", args=[shown]))


def _do(name, *args, **kwargs):  # type: ignore  # until the engine is there
    return import_string(f"integrations.thinkific.sync.runs.{name}")(*args, **kwargs)


def _options_in_words(run: SyncRun) -> list[tuple[str, str]]:
    shown = []
    for name, value in run.options.items():
        if value in (None, "", [], {}):
            continue
        if name == "mappings":
            words = f"{len(value)} group{'' if len(value) == 1 else 's'}"
        else:
            words = str(value).replace("_", " ")
        shown.append((OPTION_LABELS.get(name, name.replace("_", " ").capitalize()), words))
    return shown
