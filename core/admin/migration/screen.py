"""Tools, the tab Migration: Export everything, an upload, and the migrations so far."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from unfold.widgets import UnfoldAdminFileFieldWidget

from core.admin.kit import cells
from core.admin.kit.dialogs.in_page import answer_in_page
from core.admin.kit.viewer import viewer_of
from core.admin.migration.dialogs import ExportEverything
from core.admin.migration.migrations import status_of, what
from core.admin.tools import teams
from core.admin.tools.dialogs import Tool
from core.errors import Refusal
from core.migration import export, life, running
from core.migration.format import LAYOUTS
from core.migration.reading.entries import LARGEST_UPLOAD
from core.models import Migration, MigrationRow, User
from core.permissions import scope
from core.services.spreadsheets import csv_parts

RECENT = 20
EXPORTED = "b2b-dashboard"


class Upload(forms.Form):
    file = forms.FileField(
        label="Export of the other dashboard",
        error_messages={
            "required": "Choose the file that the other dashboard has exported.",
            "empty": "This file is empty. Choose the one that the other dashboard has exported.",
            "missing": "Choose the file that the other dashboard has exported.",
        },
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".zip,.json"}),
        help_text=f"A .zip of CSV files or a .json file, smaller than {LARGEST_UPLOAD // 1_000_000} MB.",
    )


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show the tab, or take an upload."""
    viewer = _viewer(request)
    form = Upload(request.POST, request.FILES) if request.method == "POST" else Upload()
    if form.is_bound and form.is_valid():
        file: UploadedFile = form.cleaned_data["file"]
        try:
            migration = life.upload(file, name=file.name or "file", by=viewer)  # type: ignore[arg-type]
        except Refusal as refusal:
            form.add_error("file", str(refusal))
        else:
            messages.success(request, "The file is being checked. Nothing is changed by that.")
            return HttpResponseRedirect(running.page_of(migration))
    recent = Migration.objects.select_related("created_by").order_by("-pk")[:RECENT]
    why_no_export = export.why_not(viewer)
    is_large = not why_no_export and export.count() > export.LARGE
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Tools",
        "shows_teams": teams.may_see(viewer),
        "shows_csv": scope.holds(viewer, "tools.csv"),
        "form": form,
        "recent": [(one, status_of(one), cells.done_by(one, "created_by")) for one in recent],
        "layouts": LAYOUTS.values(),
        "why_no_export": why_no_export,
        "export_form": ExportEverything(viewer=viewer) if is_large else None,
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "dashboard/tools_migration.html", context, status=status)


@require_GET
def export_file(request: HttpRequest, form: str) -> HttpResponse | StreamingHttpResponse:
    """Send everything as a file."""
    viewer = _viewer(request)
    if export.why_not(viewer):
        raise PermissionDenied
    if form not in export.FORMATS:
        raise Http404
    if export.count() > export.LARGE:
        return HttpResponseRedirect(reverse("admin:tools_migration"))
    _, suffix, content_type = export.FORMATS[form]
    response = StreamingHttpResponse(export.parts(form), content_type=content_type)
    return _download(response, f"{EXPORTED}-{timezone.localdate()}.{suffix}")


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """Let a worker write everything to a file."""
    return answer_in_page(ExportEverything, request, back=reverse("admin:tools_migration"))


@require_GET
def template(request: HttpRequest) -> HttpResponse:
    """Send the archive with the headers only, to be filled in."""
    _viewer(request)
    response = HttpResponse(content_type="application/zip")
    export.write_csv(response, empty=True)  # type: ignore[arg-type]
    return _download(response, "migration-template.zip")


@require_GET
def ids(request: HttpRequest, migration_id: int) -> HttpResponse | StreamingHttpResponse:
    """Send the map from the other dashboard's ids to ours."""
    rows = _migration(request, migration_id).rows.filter(object_id__isnull=False).exclude(ref="")
    found = rows.order_by("number").values_list("kind", "ref", "object_id", "outcome")
    return _csv(
        f"migration-{migration_id}-ids", ["kind", "their_id", "our_id", "outcome"], found.iterator(2000)
    )


@require_GET
def problems(request: HttpRequest, migration_id: int) -> HttpResponse | StreamingHttpResponse:
    """Send the rows with a message."""
    migration = _migration(request, migration_id)
    rows = migration.rows.exclude(message="").order_by("number")
    heads = ["file", "line", "id", "what", "result", "message"]
    return _csv(f"migration-{migration_id}-problems", heads, map(_problem, rows.iterator(chunk_size=2000)))


def _problem(row: MigrationRow) -> tuple[Any, ...]:
    return (row.kind, row.line, row.ref, what(row), row.outcome or row.verdict, row.message)


def _csv(name: str, headings: list[str], rows: Iterator) -> HttpResponse | StreamingHttpResponse:
    response = StreamingHttpResponse(csv_parts(headings, rows), content_type="text/csv; charset=utf-8")
    return _download(response, f"{name}.csv")


def _download(response: Any, name: str) -> Any:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


def _viewer(request: HttpRequest) -> User:
    viewer = viewer_of(request)
    if not Tool.may(viewer, None):
        raise PermissionDenied
    return viewer


def _migration(request: HttpRequest, key: int) -> Migration:
    _viewer(request)
    found = Migration.objects.filter(pk=key).first()
    if found is None:
        raise Http404
    return found
