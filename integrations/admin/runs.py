"""The screen Runs: pulls, reconciliations and repairs, with the buttons Cancel, Resume, Confirm removals."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.forms.utils import flatatt
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.admin.kit import cells
from core.admin.kit.dialogs.in_page import answer_in_page, offered
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.open_pages import list_url
from core.admin.kit.sitewide import SitewideAdmin
from core.pills import pill
from core.wording import plural
from integrations import effects
from integrations.admin.run_dialogs import RUN_DIALOGS, ConfirmRemovals, RunDialog
from integrations.models import COUNTS, KEPT_ERRORS, SyncConflict, SyncRun
from integrations.progress import describe, seconds_taken
from integrations.thinkific.runs import lifecycle

OPTION_LABELS = {
    "team_id": "Assign to team",
    "emails": "E-mails",
    "mappings": "Groups to teams",
    "direction": "Direction",
    "product_id": "Product",
    "user_id": "User",
    "group_id": "Group",
    "allow_removals": "Removals confirmed",
    "unread": "Only what was never read",
    "returned": "Only of people who came back",
}


def _run(run: SyncRun) -> SafeString:
    extent = "" if run.full else format_html(' <span class="d-small d-faint">{}</span>', "changes")
    return format_html("{}{}", run.get_kind_display(), extent)


def _state(run: SyncRun) -> SafeString:
    shown = pill(run.status, run.get_status_display(), live=True, run_status=run.status)
    active = flatatt({"data-active": run.status in SyncRun.ACTIVE})
    return format_html('<span data-run="{}"{}>{}</span>', run.pk, active, shown)


def _progress(run: SyncRun) -> SafeString:
    shown = describe(run)
    if not shown["active"]:
        return format_html('<span class="d-small">{}</span>', shown["line"])
    bar = render_to_string("dashboard/bar.html", {"run": shown})
    return format_html('<div data-run="{}" style="min-width: 13rem">{}</div>', run.pk, bar)


def _starter(run: SyncRun) -> str:
    return run.starter_name or capfirst(run.get_trigger_display())


def _duration(run: SyncRun) -> str | None:
    return str(describe(run)["duration"]) if run.started_at else None


def _seconds(run: SyncRun) -> int | None:
    return round(seconds_taken(run, timezone.now())) if run.started_at else None


@admin.register(SyncRun)
class SyncRunAdmin(SitewideAdmin, ExportingAdmin):
    run = column(
        "Run",
        _run,
        in_file=[column("Run", "get_kind_display"), column("Complete", "full")],
    )
    state = column("Status", _state, in_file="get_status_display")
    progress = column("Progress", _progress, in_file=lambda run: describe(run)["line"])
    started = column("Started", lambda run: run.started_at or run.created_at, cells.moment)
    starter = column("By", _starter, cells.text)
    duration = column("Duration", _duration, in_file=[column("Seconds", _seconds)])

    change_list_template = "dashboard/run_list.html"
    list_display = ["run", "state", "progress", "started", "starter", "duration", "requests"]
    list_filter = [
        choice_filter("kind"),
        choice_filter(
            "status",
            {"active": ("Under way", Q(status__in=SyncRun.ACTIVE)), **dict(SyncRun.Status.choices)},
        ),
        choice_filter("trigger"),
    ]
    list_select_related = ["started_by", "impersonation__impersonator"]
    ordering = ["-id"]
    export_columns = (column("Finished", "finished_at"), *(column(name.title(), name) for name in COUNTS))
    empty_title = "Nothing has been synced yet"
    empty_text = "Runs start by their schedules."
    empty_how = "To start one now, open Tools."

    # --- one run ------------------------------------------------------------------------------------

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        if request.method != "GET":
            raise PermissionDenied  # runs are read-only; their buttons have other addresses
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
            "effects": effects.in_words(run.cursor),
            "options": _options_in_words(run),
            "more_errors": max(0, run.failed - len(run.errors)) if len(run.errors) >= KEPT_ERRORS else 0,
            "conflicts": run.conflicts.count(),
            "conflicts_url": list_url(SyncConflict),
            "can_confirm": ConfirmRemovals.is_offered(run),
            "dialogs": {dialog.slug: dialog for dialog in offered(RUN_DIALOGS, request, run)},
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "dashboard/run.html", context)

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<key:run_id>/{dialog.slug}/",
                self.admin_site.admin_view(partial(self.answer, dialog)),
                name=f"integrations_syncrun_{dialog.slug}",
            )
            for dialog in RUN_DIALOGS
        ]
        return own + super().get_urls()

    def answer(self, dialog: type[RunDialog], request: HttpRequest, run_id: int) -> HttpResponse:
        if request.method != "POST" or not self.sees(request, "change"):
            raise PermissionDenied
        run = self.get_queryset(request).filter(pk=run_id).first()
        if not isinstance(run, SyncRun):
            raise Http404
        return answer_in_page(dialog, request, run, back=lifecycle.url_of(run), model_admin=self)


def _options_in_words(run: SyncRun) -> list[tuple[str, str]]:
    shown = []
    for name, value in run.options.items():
        if value in (None, "", [], {}):
            continue
        if name == "mappings":
            words = plural(len(value), "group")
        else:
            words = "Yes" if value is True else str(value).replace("_", " ")
        shown.append((OPTION_LABELS.get(name, capfirst(name.replace("_", " "))), words))
    return shown
