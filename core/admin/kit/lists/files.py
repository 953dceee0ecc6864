"""CSV files of rows, sent while they are read."""

from collections.abc import Sequence

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone

from core.admin.kit.lists.columns import Column
from core.services.spreadsheets import csv_lines

CHUNK = 2000


def csv_file(name: str, columns: Sequence[Column], rows: QuerySet) -> StreamingHttpResponse:
    """Returns a file with the values of the columns, without HTML. Memory does not grow with the rows."""
    values = ([column.value(row) for column in columns] for row in rows.iterator(chunk_size=CHUNK))
    response = StreamingHttpResponse(
        csv_lines([column.heading for column in columns], values),
        content_type="text/csv; charset=utf-8",
        headers={"Cache-Control": "no-store"},
    )
    name = f"{name.replace(' ', '-')}-{timezone.localdate()}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
