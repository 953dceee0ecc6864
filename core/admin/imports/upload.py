"""The first step of all ways: the template, and the upload of a file."""

import io
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_GET
from openpyxl import Workbook

from core.admin.imports import first_page, ways
from core.admin.imports.access import check_may_import, check_may_use, own_import
from core.admin.imports.forms import OPTIONS_FORMS, FileForm
from core.admin.imports.ways import BY_USERS, Way
from core.admin.kit.lists.filters import key_of
from core.errors import Refusal
from core.imports import batches, kinds
from core.models import ImportBatch, User
from core.services.spreadsheets import csv_parts

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Kind -> the name of its template, and of the sheet in it.
TEMPLATES = {
    ImportBatch.Kind.USERS: ("people", "People"),
    ImportBatch.Kind.GROUP_MATCHING: ("group-matching", "Groups"),
}


@require_GET
def template(request: HttpRequest, ending: str, kind: str = ImportBatch.Kind.USERS) -> HttpResponse:
    """Returns an empty file with the headers that the import knows."""
    check_may_import(request, kind)
    headers, (name, sheet) = kinds.of(kind).TEMPLATE, TEMPLATES[ImportBatch.Kind(kind)]
    if ending == "csv":
        response = HttpResponse("".join(csv_parts(headers, [])), content_type="text/csv; charset=utf-8")
    elif ending == "xlsx":
        book = Workbook(write_only=True)
        book.create_sheet(sheet).append(headers)
        file = io.BytesIO()
        book.save(file)
        response = HttpResponse(file.getvalue(), content_type=XLSX)
    else:
        raise Http404
    response["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response


def upload(request: HttpRequest) -> HttpResponse:
    """Store the file of any way, and go on with it."""
    way = ways.sent(request.POST)
    viewer = check_may_use(request, way)
    if request.method != "POST":
        return HttpResponseRedirect(reverse(way.first))
    before = _replaced(request, way)
    form = first_page.file_form(request, way, viewer, sent=True)
    options = kinds.of(way.kind).Options() if before is None else batches.options_of(before)
    asked = None
    if way != BY_USERS and before is None:
        asked = OPTIONS_FORMS[way.kind](request.POST, viewer=viewer, options=options)
    valid = form.is_valid() and (asked is None or asked.is_valid())
    batch = _store(form, viewer, way) if valid else None
    if batch is not None:
        if asked is None and before is None:
            return HttpResponseRedirect(reverse(way.columns, args=[batch.pk]))
        return _go_on(way, request, batch, options if asked is None else asked.chosen(""))
    if before is not None:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return HttpResponseRedirect(reverse(way.review, args=[before.pk]))
    return first_page.show(request, way, form, asked)


def _replaced(request: HttpRequest, way: Way) -> ImportBatch | None:
    """Returns the import whose columns and options a corrected file takes over, also when that import was
    started meanwhile. Raises Http404 for another's."""
    key = key_of(request.POST.get("replaces"))
    return None if key is None else own_import(request, str(key), way.kind)


def _store(form: FileForm, viewer: User, way: Way) -> ImportBatch | None:
    file: Any = form.cleaned_data["file"]
    try:
        return batches.upload(file, name=file.name, kind=way.kind, by=viewer, team=form.team_for())
    except Refusal as refusal:
        form.add_error("file", str(refusal))
        return None


def _go_on(way: Way, request: HttpRequest, batch: ImportBatch, options: Any) -> HttpResponse:
    """Validate the new file at once, with options that were chosen before, and show what is found."""
    now = batches.options_of(batch)
    options = replace(options, sheet=now.sheet, team=options.team if now.team is None else now.team)
    page = way.review
    try:
        batches.validate(batch, mapping=batches.mapping_of(batch), options=options)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        page = way.columns
    return HttpResponseRedirect(reverse(page, args=[batch.pk]))
