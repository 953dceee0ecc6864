"""`imported(by, text, …)` uploads, validates and carries out a file in this process."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from core.imports import batches, running
from core.imports.report import Report
from core.models import ImportBatch, User

HEADERS = "Name,Email,Team,Role,Tags,Group,Enrollments"


def upload(by: User, text: str, *, name: str = "people.csv", **options: Any) -> ImportBatch:
    return batches.upload(io.BytesIO(text.encode()), name=name, by=by, **options)


def validated(by: User, text: str, *, corrections: Any = None, **options: Any) -> tuple[ImportBatch, Report]:
    batch = upload(by, text)
    chosen = type(batches.options_of(batch))(**options)
    report = batches.validate(
        batch, mapping=batches.mapping_of(batch), options=chosen, corrections=corrections
    )
    return batch, report


def messages(report: Report) -> list[tuple[int, str, str]]:
    return [(problem.line, problem.header, problem.message) for problem in report.problems]


def outcomes(batch: ImportBatch) -> list[tuple[int, str]]:
    return list(batch.rows.order_by("number").values_list("number", "status"))


def said(batch: ImportBatch) -> list[str]:
    return [
        one["message"]
        for errors in batch.rows.order_by("number").values_list("errors", flat=True)
        for one in errors
    ]


def carried_out(batch: ImportBatch) -> ImportBatch:
    batches.start(batch, by=batch.created_by)
    running.run_due()
    batch.refresh_from_db()
    return batch


@pytest.fixture
def imported() -> Callable[..., ImportBatch]:
    def run(by: User, text: str, **options: Any) -> ImportBatch:
        batch, _ = validated(by, text, **options)
        return carried_out(batch)

    return run
