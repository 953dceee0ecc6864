"""Exports: the files that were exported in the background. Administrators see all, and download their own."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.defaultfilters import filesizeformat
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify

from core.admin.exports.dialogs import EXPORT_DIALOGS
from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.dialogs.dialog import button, url_of
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter, related_filter
from core.admin.kit.viewer import viewer_of
from core.exports import files
from core.exports.formats import CONTENT_TYPES, FORMATS
from core.models import ExportFile
from core.pills import pill_of

Status = ExportFile.Status


def _rows(file: ExportFile) -> str:
    if file.status in ExportFile.ACTIVE:
        return f"{file.rows_done:,} of {file.rows_total:,}" if file.rows_done else "Not begun"
    return f"{file.rows_done:,}" if file.status == Status.SUCCEEDED else "—"


def _size(file: ExportFile) -> str:
    return filesizeformat(file.size) if file.size else "—"


def _progress(file: ExportFile) -> SafeString | str:
    if file.status != Status.RUNNING or not file.rows_total:
        return cells.NOTHING
    return cells.progress(min(1, file.rows_done / file.rows_total))


def _expires(file: ExportFile) -> SafeString:
    return cells.moment(file.expires_at if file.status == Status.SUCCEEDED else None, ahead=True)


def _format(file: ExportFile) -> str:
    return FORMATS[file.file_format].label if file.file_format in FORMATS else file.file_format.upper()


def _todo(file: ExportFile) -> SafeString:
    """Returns the buttons of a row. The file of somebody else has no download: its page says why."""
    shown = []
    if file.status == Status.SUCCEEDED and getattr(file, "is_own", False):
        shown.append(format_html('<a href="{}">Download</a>', download_url(file)))
    shown += [
        button(url_of(file._meta, dialog.slug, file.pk), dialog.label, css="")
        for dialog in EXPORT_DIALOGS
        if dialog.applies(file)
    ]
    return cells.actions(shown)


def download_url(file: ExportFile) -> str:
    return reverse("admin:core_exportfile_download", args=[file.pk])


@admin.register(ExportFile)
class ExportFileAdmin(DashboardAdmin):
    what = column("Export", "title", cells.text, sort="title")
    kind_of_file = column("Format", _format, sort="file_format")
    state = column("Status", pill_of("status"), sort="status")
    rows = column("Rows", _rows, sort="rows_done")
    progress = column("Progress", _progress)
    size_text = column("Size", _size, sort="size")
    by = column("Asked for by", lambda file: cells.done_by(file, "created_by"), sort="created_by__name")
    asked = column("Asked for", "created_at", cells.moment, sort=True)
    finished = column("Finished", "finished_at", cells.moment, empty="Not yet")
    expires = column("File expires", _expires, sort="expires_at")
    downloaded = column("Last download", "downloaded_at", cells.moment, empty="Never")
    why = column("Why there is no file", lambda file: file.outcome or files.NOT_THERE[file.status])
    about = column("About", "person", cells.link)
    todo = column("Actions", _todo)

    list_display = ["what", "kind_of_file", "state", "rows", "size_text", "by", "asked", "expires", "todo"]
    list_select_related = ["created_by"]
    list_filter = [
        choice_filter("status"),
        choice_filter("format", {one.name: one.label for one in FORMATS.values()}, field="file_format"),
        related_filter(ExportFile, "created_by", title="person who asked"),
    ]
    ordering = ["-id"]
    few_rows = True
    dialogs = EXPORT_DIALOGS
    empty_title = "No exports"
    empty_text = (
        "Large files are made in the background and listed here: open a list and use Export. Small ones are "
        "sent at once."
    )

    def limit(self, queryset: QuerySet, viewer: Any) -> QuerySet:
        return queryset.visible_to(viewer)  # type: ignore[attr-defined]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Annotate `is_own`: whether the viewer asked for the file."""
        return super().get_queryset(request).with_own(viewer_of(request))  # type: ignore[attr-defined]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Returns the filters; that by person is for viewers who see the files of others."""
        return list(self.list_filter) if viewer_of(request).sees_everything else self.list_filter[:-1]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = ["what", "kind_of_file", "state", "by", "asked", "finished"]
        if obj is None or obj.status == Status.SUCCEEDED:
            shown += ["rows", "size_text", "expires", "downloaded"]
        elif obj.status in ExportFile.ACTIVE:
            shown += ["progress", "rows"]
        else:
            shown += ["why"]
        if obj is not None and obj.person_id is not None:
            shown.insert(1, "about")
        return [(None, {"fields": shown})]

    def page_lines(self, obj: Any, viewer: Any) -> list[SafeString]:
        if obj.status != Status.SUCCEEDED:
            return []
        if why := files.why_not(obj, viewer):
            return [format_html("{}", why)]
        link = '<a class="d-button d-primary" href="{}" data-testid="download">Download</a>'
        return [format_html(link, download_url(obj))]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.download)
        own = path("<key:object_id>/download/", view, name="core_exportfile_download")
        return [own, *super().get_urls()]

    def download(self, request: HttpRequest, object_id: str) -> HttpResponse | StreamingHttpResponse:
        """Sends a file; leads to its page with a message when it cannot be downloaded."""
        file, viewer = self.get_or_404(request, object_id), viewer_of(request)
        assert isinstance(file, ExportFile)
        if not self.has_view_permission(request, file) or (why := files.why_not(file, viewer)):
            messages.warning(request, why or files.OWN_FILES)
            return HttpResponseRedirect(cells.detail_url(file))
        ExportFile.objects.filter(pk=file.pk).update(downloaded_at=timezone.now())
        name = f"{slugify(file.title)[:60] or file.kind}-{timezone.localdate()}"
        return StreamingHttpResponse(
            files.contents(file),
            content_type=CONTENT_TYPES[file.file_format],
            headers={
                "Cache-Control": "no-store",
                "Content-Disposition": f'attachment; filename="{name}.{file.file_format}"',
                "Content-Length": str(file.size),
            },
        )
