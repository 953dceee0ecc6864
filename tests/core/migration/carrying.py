"""Exports, uploads and what becomes of them, without the screens."""

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

from core.migration import export, life, running
from core.migration.format import HEAD, HEAD_COLUMNS, LAYOUTS, NAME, VERSION
from core.models import Migration, MigrationRow, User

Files = Mapping[str, Sequence[Mapping[str, Any]]]


def exported(form: str = "csv") -> bytes:
    file = io.BytesIO()
    export.FORMATS[form][0](file)
    return file.getvalue()


def archive(files: Files, *, source: str = "https://old.example", version: str = VERSION) -> bytes:
    """Returns a ZIP archive of CSV files with these rows."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        made.writestr(
            f"{HEAD}.csv",
            _table(HEAD_COLUMNS, [dict(zip(HEAD_COLUMNS, (NAME, version, source), strict=True))]),
        )
        for kind, rows in files.items():
            columns = list(dict.fromkeys([*LAYOUTS[kind].names, *(key for row in rows for key in row)]))
            made.writestr(f"{kind}.csv", _table(columns, rows))
    return packed.getvalue()


def document(files: Files, *, source: str = "https://old.example") -> bytes:
    head = dict(zip(HEAD_COLUMNS, (NAME, VERSION, source), strict=True))
    return json.dumps({**head, **files}).encode()


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def checked(content: bytes, *, by: User, name: str = "old.zip") -> Migration:
    migration = life.upload(io.BytesIO(content), name=name, by=by)
    return finished(migration)


def finished(migration: Migration) -> Migration:
    running.run_due()
    migration.refresh_from_db()
    assert migration.status != "running"
    return migration


def applied(content: bytes, *, by: User, name: str = "old.zip") -> Migration:
    migration = checked(content, by=by, name=name)
    life.apply(migration, by=by)
    return finished(migration)


def undone(migration: Migration, *, by: User) -> Migration:
    life.preview(migration, by=by)
    migration = finished(migration)
    life.undo(migration, by=by)
    return finished(migration)


def counts(migration: Migration, what: str) -> dict[str, int]:
    """Returns by kind how many rows are "new", "same", "refused" …; kinds with none are left out."""
    return {count.kind: getattr(count, what) for count in migration.counts.all() if getattr(count, what)}


def problems(migration: Migration) -> list[str]:
    rows = migration.rows.filter(verdict=MigrationRow.Verdict.REFUSED)
    return [f"{row.kind} {row.line}: {row.message}" for row in rows]


def content(packed: bytes) -> dict[str, list[tuple[str, ...]]]:
    """Returns the rows of an exported archive with the names of things instead of their ids, sorted."""
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        tables = {
            kind: list(csv.DictReader(io.StringIO(opened.read(f"{kind}.csv").decode("utf-8-sig"))))
            for kind in LAYOUTS
        }
    names: dict[str, dict[str, str]] = {
        kind: {row["id"]: row.get("email") or row["name"] for row in rows}
        for kind, rows in tables.items()
        if LAYOUTS[kind].has_id
    }
    return {kind: sorted(_named(kind, row, names) for row in rows) for kind, rows in tables.items()}


def _named(kind: str, row: Mapping[str, str], names: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
    of = {column.name: column.of for column in LAYOUTS[kind].columns if column.of} | {"template": "seats"}
    found = []
    for name, value in row.items():
        if name == "id":
            continue
        if name in of:
            value = ";".join(sorted(names[of[name]].get(ref, ref) for ref in value.split(";")))
        found.append(value)
    return tuple(found)
