"""Tools, the tab CSV Import: choose a file, validate it, correct it, import it."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from core.admin.imports import result, words
from core.admin.imports.access import check_may_import, obstacle
from core.admin.imports.forms import FileForm, OptionsForm, options_form
from core.admin.imports.steps import about_open_import, mapping_now, opened, problem_of, validate
from core.admin.imports.upload import BY_TOOLS, file_form
from core.admin.imports.upload import upload as upload_either
from core.admin.kit.dialogs.answering import picker_results
from core.admin.tools import teams
from core.admin.tools.dialogs import Tool
from core.imports import batches
from core.imports.people.options import Options
from core.models import ImportBatch, User


def _check_may_use(request: HttpRequest) -> User:
    viewer = check_may_import(request)
    if not Tool.may(viewer, None):
        raise PermissionDenied
    return viewer


@require_http_methods(["GET", "HEAD"])
def page(request: HttpRequest) -> HttpResponse:
    viewer = _check_may_use(request)
    form = OptionsForm(viewer=viewer, options=Options())
    form.set_search_url(request.path)
    form.list_choices()
    if "pick" in request.GET:
        return picker_results(request, form)
    return _first_page(request, file_form(request, viewer, sent=False), form)


def _first_page(request: HttpRequest, form: FileForm, options: OptionsForm) -> HttpResponse:
    viewer = _check_may_use(request)
    options.set_search_url(reverse("admin:tools_csv"))
    options.list_choices()
    context = {
        "file": form["file"],
        "form": form,
        "options": options,
        "media": options.media,
        "columns": words.columns(),
        "several": words.SEVERAL,
        "upload_url": reverse("admin:import_upload"),
        "obstacle": obstacle(),
    }
    return _render(request, viewer, "dashboard/imports/tools.html", context)


@about_open_import
def about_file(request: HttpRequest, batch: ImportBatch) -> HttpResponse:
    """The page of a file: its columns, the options, and what the last validation found. A POST validates."""
    viewer, why = _check_may_use(request), ""
    form = options_form(request, batch, batches.options_of(batch), viewer)
    if "pick" in request.GET and request.method == "GET":
        return picker_results(request, form)
    with opened(request, batch) as table:
        if request.method == "POST" and not (why := validate(request, batch, table, form)):
            query = f"?{request.GET.urlencode()}" if request.GET else ""
            return HttpResponseRedirect(f"{request.path}{query}")
        mapping = mapping_now(request, batch, table)
        context = {
            **result.page(request, batch, viewer),
            **result.result(request, batch, table),
            "table": table,
            "remarks": table.remarks,
            "columns": result.columns(table, mapping),
            "options": form,
            "media": form.media,
            "why": why or problem_of(batch, table, mapping),
        }
    return _render(request, viewer, "dashboard/imports/tools_file.html", context)


def _render(request: HttpRequest, viewer: User, name: str, context: dict[str, Any]) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": "Tools",
        "shows_teams": teams.may_see(viewer),
        "shows_csv": True,
        "way": BY_TOOLS,
        **context,
    }
    return TemplateResponse(request, name, context)


upload = partial(upload_either, tools_page=_first_page)
