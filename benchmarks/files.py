"""Measures files in: importing people from CSV and XLSX, against django-import-export in bulk mode, and a
validation against the bare parse; and files out: exporting enrollments against a bare loop over a cursor.
inside/importing.py and inside/exporting.py run in processes of their own."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openpyxl import Workbook

from benchmarks import import_export_baseline
from benchmarks.frame import Line, at_least
from benchmarks.places import Place, child, environment
from benchmarks.scale import Context

LEAST_TIMES = 5.0
MOST_TIMES_PARSE = 3.0
MOST_MEMORY = {"csv": 80.0, "xlsx": 200.0}  # MiB beyond the idle process
LEAST_SHARE, MOST_MEMORY_OUT = 0.5, 60.0
HEADER = ["email", "first_name", "last_name"]


def measure(context: Context, place: Place) -> Iterator[Line]:
    people = context.people
    files = {"csv": _csv(context.folder, people), "xlsx": _xlsx(context.folder, people)}
    found = {kind: _import(place, path) for kind, path in files.items()}
    database = place.bare()
    baseline = import_export_baseline.load(files["csv"], database)
    place.drop(database)
    yield at_least(
        f"{people:,} people imported from CSV",
        place.name,
        ours=found["csv"]["validate"] + found["csv"]["apply"],
        baseline=baseline,
        times=LEAST_TIMES,
        baseline_name=f"django-import-export {import_export_baseline.VERSION}, bulk, without history",
    )
    validate, parse = found["csv"]["validate"], found["csv"]["parse"]
    yield Line(
        f"{people:,} lines of CSV validated",
        place.name,
        f"{validate / parse:.1f} times the bare parse",
        f"under {MOST_TIMES_PARSE:g} times",
        validate < MOST_TIMES_PARSE * parse,
        f"{validate:.2f} s against {parse:.2f} s (csv.DictReader over the decoded file)",
    )
    for kind, one in found.items():
        yield Line(
            f"memory of an import of {people:,} people, {kind.upper()}",
            place.name,
            f"+{one['memory']:.0f} MiB",
            f"at most {MOST_MEMORY[kind]:.0f} MiB",
            one["memory"] <= MOST_MEMORY[kind],
            f"validated in {one['validate']:.1f} s, carried out in {one['apply']:.1f} s",
        )

    yield from _exported(context, place)


def _exported(context: Context, place: Place) -> Iterator[Line]:
    database = place.fresh()
    arguments = ["-m", "benchmarks.inside.exporting", str(context.rows), str(context.folder)]
    found = child(arguments, environment(database, DATABASE_STATEMENT_TIMEOUT=0))
    place.drop(database)
    share = found["bare"] / found["ours"]
    yield Line(
        f"{context.rows:,} enrollments exported as CSV",
        place.name,
        f"{share:.0%} of the speed of a bare loop, +{found['memory']:.0f} MiB",
        f"at least {LEAST_SHARE:.0%}, at most {MOST_MEMORY_OUT:.0f} MiB",
        share >= LEAST_SHARE and found["memory"] <= MOST_MEMORY_OUT,
        f"{found['ours']:.1f} s against {found['bare']:.1f} s (the same cells by a cursor and csv.writer)",
    )


def _import(place: Place, path: Path) -> dict[str, Any]:
    database = place.fresh()
    found: dict[str, Any] = child(["-m", "benchmarks.inside.importing", str(path)], environment(database))
    place.drop(database)
    return found


def _rows(people: int) -> Iterator[list[str]]:
    yield HEADER
    for number in range(people):
        yield [f"person{number}@company{number % 50}.example.com", f"Ana{number}", f"Müller-Lübeck {number}"]


def _csv(folder: Path, people: int) -> Path:
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(_rows(people))
    return path


def _xlsx(folder: Path, people: int) -> Path:
    path = folder / "people.xlsx"
    book = Workbook(write_only=True)
    sheet = book.create_sheet("People")
    for row in _rows(people):
        sheet.append(row)
    book.save(path)
    return path
