"""Imports: uploaded files, what became of each line, and undoing them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin.imports import access, downloads
from core.admin.imports.dialogs import IMPORT_DIALOGS
from core.admin.imports.tabs import LINES_TAB, MATCHES_TAB
from core.admin.imports.ways import BY_GROUPS, BY_USERS
from core.admin.imports.words import options_in_words
from core.admin.kit import cells, open_pages
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.imports import files
from core.imports.kinds import may_import
from core.models import ImportBatch, User
from core.models.fields.history import done_by
from core.pills import pill_of
from core.wording import plural

Status = ImportBatch.Status
MOST_REMARKS = 20
COUNTS = ("created", "updated", "joined", "invited", "unchanged", "failed")


def _file(batch: ImportBatch) -> SafeString:
    if not files.is_kept(batch):
        return cells.lines([cells.text(batch.file_name), cells.second(downloads.NOT_KEPT)])
    url = reverse("admin:core_importbatch_file", args=[batch.pk])
    link = format_html('<a class="cell-link" href="{}">{}</a>', url, "Download the file")
    return cells.lines([cells.text(batch.file_name), link])


def _failed(batch: ImportBatch) -> SafeString | str:
    shown = f"{batch.rows_failed:,}"
    if not batch.rows_failed or not files.is_kept(batch):
        return shown
    url = reverse("admin:core_importbatch_failures", args=[batch.pk])
    link = format_html('<a class="cell-link" href="{}">{}</a>', url, "Download them to correct them")
    return cells.lines([format_html("{}", shown), link])


def _options(batch: ImportBatch) -> SafeString:
    pages = open_pages.current()
    viewer = pages.request.user if pages is not None else None
    said = options_in_words(batch, viewer) if isinstance(viewer, User) else []
    shown = format_html_join("", '<span class="cell-line">{}</span>', ((text,) for text in said))
    return shown or cells.NOTHING


@admin.register(ImportBatch)
class ImportBatchAdmin(ExportingAdmin):
    file = column("File", "file_name", cells.text, sort=True)
    file_to_download = column("File", _file)
    what = column("Kind", "get_kind_display", sort="kind")
    state = column("Status", pill_of("status"), sort="status", in_file="get_status_display")
    total = column("Lines", "rows_total", "{:,}".format, sort=True)
    valid = column("Without problems", "rows_valid", "{:,}".format)
    created = column("Created", "rows_created", "{:,}".format, sort=True)
    updated = column("Updated", "rows_updated", "{:,}".format, sort=True)
    joined = column("Joined", "rows_joined", "{:,}".format)
    invited = column("Invited", "rows_invited", "{:,}".format)
    unchanged = column("Unchanged", "rows_unchanged", "{:,}".format)
    failed = column("Failed", "rows_failed", "{:,}".format, sort=True)
    failed_to_download = column("Failed", _failed)
    options_said = column("Options", _options)
    by = column(
        "Uploaded by",
        lambda batch: cells.done_by(batch, "created_by"),
        sort="created_by__name",
        in_file=lambda batch: done_by(batch, "created_by"),
    )
    uploaded = column("Uploaded", "created_at", cells.moment, sort=True)
    started = column("Started", "started_at", cells.moment, empty="Not yet")
    finished = column("Finished", "finished_at", cells.moment, empty="Not yet")

    list_display = ["file", "what", "state", "total", "created", "updated", "failed", "by", "uploaded"]
    list_filter = [choice_filter("status"), choice_filter("kind")]
    list_select_related = ["created_by"]
    ordering = ["-id"]
    few_rows = True
    export_columns = (valid, joined, invited, unchanged, started, finished)
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "file_to_download",
                    "what",
                    "state",
                    "by",
                    "uploaded",
                    "started",
                    "finished",
                    "options_said",
                ]
            },
        ),
        (
            "Lines",
            {"fields": ["total", "valid", *COUNTS[:-1], "failed_to_download"]},
        ),
    ]
    tabs = (LINES_TAB, MATCHES_TAB)
    dialogs = IMPORT_DIALOGS
    empty_title = "Nothing was imported yet"
    empty_text = (
        "Every uploaded file is listed here, with what became of each line. Choose CSV Upload on the page "
        "Users."
    )

    def limit(self, queryset: QuerySet, viewer: User) -> QuerySet:
        return access.visible(queryset, viewer)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("content", "report", "corrections")

    def get_urls(self) -> list[URLPattern]:
        guard, name = self.admin_site.admin_view, "core_importbatch_{}".format
        own = [
            path("<key:object_id>/file/", guard(self._file_of), name=name("file")),
            path("<key:object_id>/failures/", guard(self._failures_of), name=name("failures")),
        ]
        return own + super().get_urls()

    def get_fieldsets(self, request: HttpRequest, obj: ImportBatch | None = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        if obj is None or obj.kind != ImportBatch.Kind.GROUP_MATCHING:
            return shown
        return [(title, {**rest, "fields": _without_people(rest["fields"])}) for title, rest in shown]

    def _file_of(self, request: HttpRequest, object_id: str) -> Any:
        return downloads.uploaded_file(self, request, object_id)

    def _failures_of(self, request: HttpRequest, object_id: str) -> Any:
        return downloads.failures(self, request, object_id)

    def page_lines(self, obj: ImportBatch, viewer: User) -> list[SafeString]:
        if obj.status == Status.RUNNING:
            return [_bar(obj)]
        if access.is_open(obj):
            return [_next_step(obj, viewer)]
        said = obj.remark.splitlines()[:MOST_REMARKS]
        return [format_html('<span class="page-state-why">{}</span>', line) for line in said]


def _without_people(names: Any) -> list[str]:
    """Returns the fields without the counts that only people have."""
    return [name for name in names if name not in {"joined", "invited"}]


# Kind -> where an import that was not started goes on.
_REVIEWS = {way.kind: way.review for way in (BY_USERS, BY_GROUPS)}


def _next_step(batch: ImportBatch, viewer: User) -> SafeString:
    page = _REVIEWS.get(batch.kind)
    own = batch.created_by_id == viewer.pk
    if page is None or not own or not may_import(viewer, batch.kind) or not files.is_kept(batch):
        return format_html('<span class="page-state-why">{}</span>', "It was not started.")
    url = reverse(page, args=[batch.pk])
    return format_html(
        '<span class="page-state-why">{}</span><a class="d-button" href="{}">{}</a>',
        "It was not started.",
        url,
        "Review and import",
    )


def _bar(batch: ImportBatch) -> SafeString:
    """Returns the progress bar. The page asks for changes more often while it is there (`data-active`)."""
    total, done = batch.rows_total, batch.rows_done
    doing = "undone" if batch.undoing else "done"
    waits = not batch.claimed_by and not done
    line = "Waits for a worker." if waits else f"{done:,} of {plural(total, 'line')} {doing}"
    percent = None if waits or not total else min(100, done * 100 // total)
    bar = render_to_string(
        "dashboard/bar.html", {"run": {"percent": percent, "label": "Progress of the import", "line": line}}
    )
    return format_html('<div class="d-grow" data-active>{}</div>', bar)
