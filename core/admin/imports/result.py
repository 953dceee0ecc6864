"""What a validation found, as context for `dashboard/imports/result.html`."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from core.admin.imports import sent, words
from core.admin.imports.access import obstacle
from core.admin.imports.lines import SHOWN_CHARACTERS, Review
from core.imports import batches, kinds
from core.imports.reading.lines import column_letters
from core.imports.reading.table import Table
from core.imports.report import Report, SeatNeed
from core.models import ImportBatch, User
from core.wording import one_or_many, plural

SAMPLES = 3
MOST_NAMED = 30


def result(request: HttpRequest, batch: ImportBatch, table: Table) -> dict[str, Any]:
    """Returns the context; without `report` when this sheet was not validated yet. Raises Unreadable."""
    report = batches.report_of(batch)
    if report is None or table.sheet != batches.options_of(batch).sheet:
        return {"report": None}
    fields = kinds.of(batch.kind).fields()
    review = Review(batch, report, batches.mapping_of(batch), fields, batches.corrections_of(batch))
    return {
        "report": report,
        "lines": review.page(table, request.GET),
        "figures": words.figures(batch.kind, report),
        "a_row_for": words.A_ROW_FOR[batch.kind],
        "seats": [(need, _seat_in_words(need)) for need in report.seats],
        "lacking": any(need.missing and not need.soft for need in report.seats),
        "named": named(report),
        "start_url": reverse("admin:import_start", args=[batch.pk]),
        "failures_url": reverse("admin:core_importbatch_failures", args=[batch.pk]),
        "obstacle": obstacle(),
        "imports": plural(report.valid, "line"),
        "left_out": plural(report.failed, "line"),
    }


def named(report: Report) -> list[tuple[str, list[str], int]]:
    """Returns what the import would make and what it ignores: a title, the first names, how many more."""
    found = [
        ("New teams", report.new_teams),
        ("New tags", report.new_tags),
        ("Ignored columns", report.ignored),
    ]
    return [
        (title, [name[:120] for name in names[:MOST_NAMED]], max(0, len(names) - MOST_NAMED))
        for title, names in found
        if names
    ]


def _seat_in_words(need: SeatNeed) -> str:
    needs = f"needs {plural(need.needs, 'place')}"
    if need.free is None:
        return f"{needs}; the seat has no limit"
    free = f"{need.free:,} {one_or_many(need.free, 'is', 'are')} free"
    if need.missing and need.soft:
        return f"{needs}, {free}; the limit is soft, so all get one"
    return f"{needs}, {free}"


def columns(table: Table, mapping: Mapping[int, str]) -> list[dict[str, Any]]:
    """Returns the columns of a file with their first values and what they mean."""
    first = [line.cells for line in islice(table.rows(), SAMPLES)]
    return [
        {
            "letter": column_letters(index),
            "header": header,
            "samples": [row[index][:SHOWN_CHARACTERS] for row in first if row[index]],
            "input": sent.column_input(index),
            "chosen": mapping.get(index, ""),
        }
        for index, header in enumerate(table.headers)
    ]


def page(request: HttpRequest, batch: ImportBatch, viewer: User) -> dict[str, Any]:
    """Returns what every page about one file shows of it."""
    return {
        "batch": batch,
        "obstacle": obstacle(),
        "field_choices": sent.choices(batch.kind),
        "upload_url": reverse("admin:import_upload"),
    }
