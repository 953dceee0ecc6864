"""The steps of CSV Upload after the upload (columns, review), and what all ways share (validation, start)."""

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from core.admin.imports import result, sent, ways, words
from core.admin.imports.access import is_open, own_import
from core.admin.imports.forms import options_form
from core.admin.imports.ways import BY_USERS, Way
from core.admin.kit import cells
from core.admin.kit.dialogs.answering import picker_results
from core.admin.kit.viewer import viewer_of
from core.errors import Refusal
from core.imports import batches, files, kinds
from core.imports.reading.table import Table
from core.models import ImportBatch

STARTED = "{} is being imported. You will be told when it is done."
View = Callable[..., HttpResponse]


def redirect_started(request: HttpRequest, batch: ImportBatch) -> HttpResponse:
    """Redirect to the page of an import that was started already."""
    messages.info(request, "This import was started already. This page shows how it stands.")
    return HttpResponseRedirect(cells.detail_url(batch))


def about_open_import(view: Callable[[HttpRequest, ImportBatch, Way], HttpResponse]) -> View:
    """Make a view of an import that the viewer uploaded and that was not started yet. A file that cannot be
    read any more leads to the import's page."""

    @require_http_methods(["GET", "HEAD", "POST"])
    def answer(request: HttpRequest, batch_id: str, way: Way = BY_USERS) -> HttpResponse:
        batch = own_import(request, batch_id, way.kind)
        if not is_open(batch):
            return redirect_started(request, batch)
        if not files.is_kept(batch):
            messages.warning(request, "The file is no longer kept. Upload it again.")
            return HttpResponseRedirect(cells.detail_url(batch))
        try:
            return view(request, batch, way)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(cells.detail_url(batch))

    return answer


@contextmanager
def opened(request: HttpRequest, batch: ImportBatch) -> Any:
    """Opens the table with the sheet that was chosen (`sheet`). An unknown sheet is the stored one."""
    asked = request.POST.get("sheet") or request.GET.get("sheet") or ""
    stored = batches.options_of(batch).sheet
    with batches.table_of(batch) as table:
        other = asked if asked != stored and asked in table.sheets else ""
        if not other:
            yield table
            return
    with files.table_of(batch, sheet=other) as table:
        yield table


def mapping_now(request: HttpRequest, batch: ImportBatch, table: Table) -> dict[int, str]:
    """Returns the mapping to show: that which was sent, is stored, or is guessed for another sheet."""
    if sent.has_mapping(request.POST):
        return sent.mapping(request.POST, len(table.headers))
    if list(table.headers) == batch.headers:
        return batches.mapping_of(batch)
    return batches.guess(table.headers, user=viewer_of(request), kind=batch.kind)


def validate(request: HttpRequest, batch: ImportBatch, table: Table, form: Any) -> str:
    """Validate with what the form says. Returns why that cannot be; empty when it was done."""
    if not form.is_valid():
        return "Correct what is marked below."
    mapping = mapping_now(request, batch, table)
    same = table.sheet == batches.options_of(batch).sheet
    corrections = sent.corrections(request.POST, batch) if same else {}
    try:
        batches.validate(batch, mapping=mapping, options=form.chosen(table.sheet), corrections=corrections)
    except Refusal as refusal:
        return str(refusal)
    return ""


@about_open_import
def columns(request: HttpRequest, batch: ImportBatch, way: Way) -> HttpResponse:
    """What each column of the file means, and what is asked for all lines."""
    viewer, why = viewer_of(request), ""
    form = options_form(request, batch, batches.options_of(batch), viewer)
    if "pick" in request.GET and request.method == "GET":
        return picker_results(request, form)
    with opened(request, batch) as table:
        if request.method == "POST" and not (why := validate(request, batch, table, form)):
            return HttpResponseRedirect(reverse(way.review, args=[batch.pk]))
        context = {
            **admin.site.each_context(request),
            **result.page(request, batch, viewer),
            "title": "Map columns",
            "step": 2,
            "table": table,
            "remarks": table.remarks,
            "columns": result.columns(table, mapping_now(request, batch, table)),
            "options": form,
            "media": form.media,
            "why": why,
        }
    return TemplateResponse(request, "dashboard/imports/columns.html", context)


@about_open_import
def review(request: HttpRequest, batch: ImportBatch, way: Way) -> HttpResponse:
    """The lines with their problems. A POST corrects cells and validates again."""
    if request.method == "POST":
        options = batches.options_of(batch)
        try:
            batches.validate(
                batch,
                mapping=batches.mapping_of(batch),
                options=replace(options),
                corrections=sent.corrections(request.POST, batch),
            )
        except Refusal as refusal:
            messages.error(request, str(refusal))
        query = f"?{request.GET.urlencode()}" if request.GET else ""
        return HttpResponseRedirect(f"{request.path}{query}")
    if batches.report_of(batch) is None:
        return HttpResponseRedirect(reverse(way.columns, args=[batch.pk]))
    with batches.table_of(batch) as table:
        context = {
            **admin.site.each_context(request),
            **result.page(request, batch, viewer_of(request)),
            **result.result(request, batch, table),
            "title": "Review and import",
            "step": 3,
            "way": way.slug,
            "options_said": words.options_in_words(batch, viewer_of(request)),
        }
    return TemplateResponse(request, "dashboard/imports/review.html", context)


@require_POST
def start(request: HttpRequest, batch_id: str) -> HttpResponse:
    """Import what was validated and seen."""
    way = ways.sent(request.POST)
    batch = own_import(request, batch_id, way.kind)
    if not is_open(batch):
        return redirect_started(request, batch)
    try:
        batches.start(batch, by=viewer_of(request), digest=request.POST.get("digest") or "-")
    except Refusal as refusal:
        batch.refresh_from_db(fields=["status"])
        if not is_open(batch):
            return redirect_started(request, batch)
        messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse(way.review, args=[batch.pk]))
    messages.success(request, STARTED.format(batch))
    return HttpResponseRedirect(cells.detail_url(batch))


def problem_of(batch: ImportBatch, table: Table, mapping: dict[int, str]) -> str:
    """Returns why the file cannot be validated with this mapping."""
    why: str = kinds.of(batch.kind).problem_with(mapping, table.headers)
    return why
