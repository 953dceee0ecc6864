"""Imports: the CSV files that were uploaded, and what became of their lines."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.tabs import Tab
from core.models import ImportBatch, ImportRow, User

STATUS_KINDS = {
    ImportBatch.Status.SUCCEEDED: "success",
    ImportBatch.Status.PARTIAL: "warning",
    ImportBatch.Status.FAILED: "danger",
    ImportBatch.Status.RUNNING: "info",
}
ROW_KINDS = {
    ImportRow.Status.APPLIED: "success",
    ImportRow.Status.INVALID: "warning",
    ImportRow.Status.FAILED: "danger",
}


def rows_of(batch: ImportBatch, viewer: User) -> QuerySet[ImportRow]:
    return batch.rows.order_by("number")


def messages_of(row: ImportRow) -> SafeString:
    found = [e.get("message", "") if isinstance(e, dict) else str(e) for e in row.errors]
    return cells.text("; ".join(found), 200)


@admin.register(ImportBatch)
class ImportBatchAdmin(DashboardAdmin):
    list_display = ["file", "what", "state", "total", "created", "updated", "failed", "by", "uploaded"]
    list_select_related = ["created_by"]
    ordering = ["-id"]
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
                ("Line", lambda row: row.number),
                (
                    "State",
                    lambda row: cells.pill(row.get_status_display(), ROW_KINDS.get(row.status, "quiet")),
                ),
                ("Values", lambda row: cells.text(", ".join(map(str, row.values.values())), 120)),
                ("Errors", messages_of),
            ],
            "The file has no lines.",
        ),
    )
    empty_text = "Files that people import under Tools are kept here with the outcome of every line."

    def limit(self, queryset: QuerySet, viewer: User) -> QuerySet:
        """Everybody sees the files they uploaded themselves."""
        return queryset if viewer.sees_everything else queryset.filter(created_by=viewer)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("content")

    @display(description="File")
    def file(self, batch: ImportBatch) -> SafeString:
        return cells.text(batch.file_name)

    @display(description="Kind")
    def what(self, batch: ImportBatch) -> str:
        return batch.get_kind_display()

    @display(description="Status")
    def state(self, batch: ImportBatch) -> SafeString:
        return cells.pill(batch.get_status_display(), STATUS_KINDS.get(batch.status, "quiet"))  # type: ignore[call-overload]

    @display(description="Lines")
    def total(self, batch: ImportBatch) -> str:
        return f"{batch.rows_total:,}"

    @display(description="Valid")
    def valid(self, batch: ImportBatch) -> str:
        return f"{batch.rows_valid:,}"

    @display(description="Created")
    def created(self, batch: ImportBatch) -> str:
        return f"{batch.rows_created:,}"

    @display(description="Updated")
    def updated(self, batch: ImportBatch) -> str:
        return f"{batch.rows_updated:,}"

    @display(description="Failed")
    def failed(self, batch: ImportBatch) -> str:
        return f"{batch.rows_failed:,}"

    @display(description="Uploaded by")
    def by(self, batch: ImportBatch) -> SafeString:
        return cells.done_by(batch, "created_by")

    @display(description="Uploaded")
    def uploaded(self, batch: ImportBatch) -> SafeString:
        return cells.moment(batch.created_at)

    @display(description="Finished")
    def finished(self, batch: Any) -> SafeString:
        return cells.moment(batch.finished_at, empty="Not yet")
