"""The first step of both ways: the template, and the upload of a file."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods
from openpyxl import Workbook

from core.admin.imports import words
from core.admin.imports.access import check_may_import, obstacle, own_import
from core.admin.imports.forms import FileForm, OptionsForm
from core.admin.kit.dialogs.answering import picker_results
from core.admin.kit.lists.filters import key_of
from core.errors import Refusal
from core.imports import batches
from core.imports.people.columns import TEMPLATE
from core.imports.people.options import Options
from core.models import ImportBatch, User
from core.services.spreadsheets import csv_parts

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
BY_USERS, BY_TOOLS = "users", "tools"  # the two ways: CSV Upload on the Users page, CSV Import under Tools
PAGES = {BY_USERS: "admin:import_review", BY_TOOLS: "admin:tools_csv_file"}
Page = Callable[[HttpRequest, FileForm, OptionsForm], HttpResponse]


@require_GET
def template(request: HttpRequest, kind: str) -> HttpResponse:
    """Returns an empty file with the headers that the import knows."""
    check_may_import(request)
    if kind == "csv":
        response = HttpResponse("".join(csv_parts(TEMPLATE, [])), content_type="text/csv; charset=utf-8")
    elif kind == "xlsx":
        book = Workbook(write_only=True)
        book.create_sheet("People").append(TEMPLATE)
        file = io.BytesIO()
        book.save(file)
        response = HttpResponse(file.getvalue(), content_type=XLSX)
    else:
        raise Http404
    response["Content-Disposition"] = f'attachment; filename="people.{kind}"'
    return response


def file_form(request: HttpRequest, viewer: User, *, sent: bool) -> FileForm:
    form = FileForm(request.POST if sent else None, files=request.FILES if sent else None, viewer=viewer)
    form.set_search_url(reverse("admin:import_new"))
    form.list_choices()
    return form


@require_http_methods(["GET", "HEAD"])
def new(request: HttpRequest) -> HttpResponse:
    """The page CSV Upload, with `?team=` for a team that is chosen already."""
    viewer = check_may_import(request)
    form = file_form(request, viewer, sent=False)
    if "pick" in request.GET:
        return picker_results(request, form)
    return _new_page(request, _with_team(request, form))


def _with_team(request: HttpRequest, form: FileForm) -> FileForm:
    team, key = form.fields["team"], key_of(request.GET.get("team"))
    if key is not None and team.queryset.filter(pk=key).exists():  # type: ignore[attr-defined]
        team.initial = key
    return form


def _new_page(request: HttpRequest, form: FileForm) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "CSV Upload",
        "form": form,
        "media": form.media,
        "step": 1,
        "way": BY_USERS,
        "obstacle": obstacle(),
        "columns": words.columns(),
        "several": words.SEVERAL,
        "upload_url": reverse("admin:import_upload"),
    }
    return TemplateResponse(request, "dashboard/imports/new.html", context)


def upload(request: HttpRequest, *, tools_page: Page) -> HttpResponse:
    """Store the file of either way, and go on with it. `tools_page` shows the first page of CSV Import."""
    viewer = check_may_import(request)
    if request.method != "POST":
        return HttpResponseRedirect(reverse("admin:import_new"))
    way = BY_TOOLS if request.POST.get("way") == BY_TOOLS else BY_USERS
    before = _replaced(request)
    form = file_form(request, viewer, sent=True)
    options = Options() if before is None else batches.options_of(before)
    asked = OptionsForm(request.POST if before is None else None, viewer=viewer, options=options)
    valid = form.is_valid() and (before is not None or way == BY_USERS or asked.is_valid())
    batch = _store(form, viewer) if valid else None
    if batch is not None:
        if before is not None or way == BY_TOOLS:
            return _go_on(request, way, batch, options if before is not None else asked.chosen(""))
        return HttpResponseRedirect(reverse("admin:import_columns", args=[batch.pk]))
    if before is not None:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return HttpResponseRedirect(reverse(PAGES[way], args=[before.pk]))
    return tools_page(request, form, asked) if way == BY_TOOLS else _new_page(request, form)


def _replaced(request: HttpRequest) -> ImportBatch | None:
    """Returns the import whose columns and options a corrected file takes over, also when that import was
    started meanwhile. Raises Http404 for another's."""
    key = key_of(request.POST.get("replaces"))
    return None if key is None else own_import(request, str(key))


def _store(form: FileForm, viewer: User) -> ImportBatch | None:
    file: Any = form.cleaned_data["file"]
    try:
        return batches.upload(file, name=file.name, by=viewer, team=form.team_for())
    except Refusal as refusal:
        form.add_error("file", str(refusal))
        return None


def _go_on(request: HttpRequest, way: str, batch: ImportBatch, options: Options) -> HttpResponse:
    """Validate the new file at once, with options that were chosen before, and show what is found."""
    now = batches.options_of(batch)
    options = replace(options, sheet=now.sheet, team=options.team if now.team is None else now.team)
    page = PAGES[way]
    try:
        batches.validate(batch, mapping=batches.mapping_of(batch), options=options)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        page = "admin:tools_csv_file" if way == BY_TOOLS else "admin:import_columns"
    return HttpResponseRedirect(reverse(page, args=[batch.pk]))
