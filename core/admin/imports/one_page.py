"""A file on one page: validate, correct, validate again, import (CSV Import, Upload Group Matching)."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from core.admin.imports import result, words
from core.admin.imports.access import check_may_use
from core.admin.imports.first_page import render_in_tools
from core.admin.imports.forms import options_form
from core.admin.imports.steps import about_open_import, mapping_now, opened, problem_of, validate
from core.admin.imports.ways import Way
from core.admin.kit.dialogs.answering import picker_results
from core.imports import batches
from core.models import ImportBatch


@about_open_import
def about_file(request: HttpRequest, batch: ImportBatch, way: Way) -> HttpResponse:
    """The page of a file: its columns, the options, and what the last validation found. A POST validates."""
    viewer, why = check_may_use(request, way), ""
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
            "known": words.columns(batch.kind),
            "note": words.NOTES[batch.kind],
            "options": form,
            "media": form.media,
            "why": why or problem_of(batch, table, mapping),
        }
    return render_in_tools(request, way, viewer, "dashboard/imports/tools_file.html", context)
