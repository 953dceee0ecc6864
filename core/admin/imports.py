"""Imports: uploaded CSV files and the result of each line."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.tabs import Tab
from core.models import ImportBatch, ImportRow, User
from core.models.fields.history import done_by
from core.pills import pill_of


def rows_of(batch: ImportBatch, viewer: User) -> QuerySet[ImportRow]:
    return batch.rows.order_by("number")


def messages_of(row: ImportRow) -> SafeString:
    found = [e.get("message", "") if isinstance(e, dict) else str(e) for e in row.errors]
    return cells.text("; ".join(found), 200)


@admin.register(ImportBatch)
class ImportBatchAdmin(ExportingAdmin):
    file = column("File", "file_name", cells.text, sort=True)
    what = column("Kind", "get_kind_display", sort="kind")
    state = column("Status", pill_of("status"), sort="status", in_file="get_status_display")
    total = column("Lines", "rows_total", "{:,}".format, sort=True)
    valid = column("Valid", "rows_valid", "{:,}".format, sort=True)
    created = column("Created", "rows_created", "{:,}".format, sort=True)
    updated = column("Updated", "rows_updated", "{:,}".format, sort=True)
    failed = column("Failed", "rows_failed", "{:,}".format, sort=True)
    by = column(
        "Uploaded by",
        lambda batch: cells.done_by(batch, "created_by"),
        sort="created_by__name",
        in_file=lambda batch: done_by(batch, "created_by"),
    )
    uploaded = column("Uploaded", "created_at", cells.moment, sort=True)
    finished = column("Finished", "finished_at", cells.moment, empty="Not yet")

    list_display = ["file", "what", "state", "total", "created", "updated", "failed", "by", "uploaded"]
    list_select_related = ["created_by"]
    ordering = ["-id"]
    few_rows = True
    export_columns = (valid, finished)
    fields = [
        "file",
        "what",
        "state",
        "total",
        "valid",
        "created",
        "updated",
        "failed",
        "by",
        "uploaded",
        "finished",
    ]
    tabs = (
        Tab(
            "rows",
            "Lines",
            rows_of,
            [
                column("Line", "number"),
                column("State", pill_of("status")),
                column("Values", lambda row: cells.text(", ".join(map(str, row.values.values())), 120)),
                column("Errors", messages_of),
            ],
            "The file has no lines.",
        ),
    )
    empty_text = "Files that people import under Tools are listed here with the result of every line."

    def limit(self, queryset: QuerySet, viewer: User) -> QuerySet:
        """Team managers see the files that they uploaded themselves."""
        return queryset if viewer.sees_everything else queryset.filter(created_by=viewer)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("content")
