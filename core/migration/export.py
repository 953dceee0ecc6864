"""*Export everything*: what this dashboard has, in the format of a migration, for another one to import.

Nothing secret is in it: no passwords, keys, tokens or links, and nothing that Thinkific has (products,
enrollments, progress), which the other dashboard reads itself.
"""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from django.conf import settings
from django.db import connection, transaction

from core.migration import cells
from core.migration.format import HEAD, HEAD_COLUMNS, KINDS, LAYOUTS, NAME, VERSION, Layout
from core.migration.kinds.table import KINDS as MEANING
from core.models import User
from core.permissions import scope
from core.permissions.codes import PERMISSIONS
from core.wording import listed

SEEN = tuple(
    f"{what}.view" for what in ("users", "teams", "organizations", "roles", "seats", "groups", "notes")
)
NEEDS = ("tools.import", "tags.assign", *SEEN)
Write = Callable[[BinaryIO], None]
PART = 256 * 1024  # bytes


LARGE = 20_000  # rows; above it a worker makes the file
EVERYTHING = "everything"  # the kind of such a file


def count() -> int:
    """Returns how many rows an export has, about: of people all are counted."""
    models = {kind.model for kind in MEANING.values()}
    return sum(model._base_manager.count() for model in models)


def parts(form: str) -> Iterator[bytes]:
    """Yields the bytes of a file. It is written to disk first: the database is read at once."""
    with TemporaryFile() as file:
        FORMATS[form][0](file)
        file.seek(0)
        while part := file.read(PART):
            yield part


def may(viewer: User) -> bool:
    return not why_not(viewer)


def why_not(viewer: User) -> str:
    """Returns why the viewer may not export everything; empty when they may."""
    if not scope.may_start_runs(viewer):
        return "Only administrators can export everything."
    missing = [PERMISSIONS[code].label for code in NEEDS if code not in scope.codes_everywhere(viewer)]
    if not missing:
        return ""
    return f"To export everything you need these permissions too: {listed(missing)}."


def write_csv(file: BinaryIO, *, empty: bool = False) -> None:
    """Write the ZIP archive of CSV files; `empty`: only their headers, as a template. Memory does not grow
    with the rows."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive, _as_one():
        _add(archive, f"{HEAD}.csv", HEAD_COLUMNS, [_head()])
        for layout in LAYOUTS.values():
            rows = () if empty else MEANING[layout.kind].export()
            _add(archive, layout.file, layout.names, rows)


def write_json(file: BinaryIO) -> None:
    """Write the JSON document, row by row."""

    def put(text: str) -> None:
        file.write(text.encode())

    with _as_one():
        head = dict(zip(HEAD_COLUMNS, _head(), strict=True))
        put(json.dumps(head, ensure_ascii=False)[:-1])
        for kind in KINDS:
            put(f',\n"{kind}": [')
            for number, row in enumerate(MEANING[kind].export()):
                put(",\n" if number else "\n")
                put(json.dumps(_object(LAYOUTS[kind], row), ensure_ascii=False))
            put("\n]")
        put("\n}\n")


FORMATS: dict[str, tuple[Write, str, str]] = {
    "csv": (write_csv, "zip", "application/zip"),
    "json": (write_json, "json", "application/json"),
}


def _head() -> list[str]:
    return [NAME, VERSION, settings.SITE_URL]


def _object(layout: Layout, row: Sequence[Any]) -> dict[str, Any]:
    """Returns a row as an object. Ids are texts, as those of other dashboards may be."""
    found = {}
    for column, value in zip(layout.columns, row, strict=True):
        is_id = (column.name == "id" or column.of or column.name == "template") and value is not None
        found[column.name] = cells.in_json(str(value) if is_id and not isinstance(value, list) else value)
    return found


def _add(archive: zipfile.ZipFile, name: str, header: Sequence[str], rows: Any) -> None:
    with archive.open(name, "w", force_zip64=True) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)
        writer.writerow(header)
        for row in rows:
            writer.writerow(cells.row(row))
        text.flush()
        text.detach()


@contextmanager
def _as_one() -> Iterator[None]:
    """On PostgreSQL all files show one moment. On SQLite a transaction would keep others from writing."""
    if connection.vendor != "postgresql" or connection.in_atomic_block:
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield
