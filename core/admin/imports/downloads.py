"""Files of an import: as it was uploaded, and its failed lines."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils.http import content_disposition_header

from core.admin.kit import cells
from core.errors import Refusal
from core.imports import batches, files
from core.models import ImportBatch
from core.services.spreadsheets import csv_parts

NOT_KEPT = "The file is no longer kept."
_NOT_IN_A_NAME = re.compile(r'[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]+')


def uploaded_file(model_admin: Any, request: HttpRequest, key: str) -> HttpResponse | StreamingHttpResponse:
    """Returns the file with the bytes that were uploaded."""
    batch = _batch(model_admin, request, key)
    if not files.is_kept(batch):
        return _back(request, batch, NOT_KEPT)
    response = StreamingHttpResponse(_parts(batch), content_type="application/octet-stream")
    return _as_download(response, safe_name(batch.file_name))


def failures(model_admin: Any, request: HttpRequest, key: str) -> HttpResponse | StreamingHttpResponse:
    """Returns the failed lines as a CSV file that can be corrected and uploaded again."""
    batch = _batch(model_admin, request, key)
    rows = batches.failures(batch)
    try:
        header = next(rows)
    except Refusal as refusal:
        return _back(request, batch, str(refusal))
    response = StreamingHttpResponse(csv_parts(header, rows), content_type="text/csv; charset=utf-8")
    stem = safe_name(batch.file_name).rpartition(".")[0] or "file"
    return _as_download(response, f"{stem[:100]}-failed.csv")


def safe_name(name: str) -> str:
    """Returns a file name without characters that a system forbids or that hide the ending."""
    return _NOT_IN_A_NAME.sub("-", name).strip(". ")[-150:] or "file"


def _batch(model_admin: Any, request: HttpRequest, key: str) -> ImportBatch:
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    found: ImportBatch = model_admin.get_or_404(request, key)
    return found


def _parts(batch: ImportBatch) -> Iterator[bytes]:
    for number in list(batch.parts.order_by("number").values_list("number", flat=True)):
        yield bytes(batch.parts.values_list("content", flat=True).get(number=number))


def _as_download(response: StreamingHttpResponse, name: str) -> StreamingHttpResponse:
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["Cache-Control"] = "no-store"
    return response


def _back(request: HttpRequest, batch: ImportBatch, why: str) -> HttpResponseRedirect:
    messages.warning(request, why)
    return HttpResponseRedirect(cells.detail_url(batch))
