"""`python -m benchmarks.inside.importing FILE`: validates and carries out an import of people into an empty
site, for benchmarks/files.py. Prints the seconds of each part, and the largest memory beyond the idle process
in MiB."""

import csv
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.inside.memory import Peak
from core.imports import batches, running
from core.models import ImportBatch, OutboxEntry, Team, User

ROUNDS = 3


def run(path: Path) -> None:
    root = User.objects.create_superuser("root@bench.example", first_name="Root")
    team = Team.objects.create(name="Acme", owner=root)
    peak = Peak()
    with path.open("rb") as file:
        batch = batches.upload(file, name=path.name, by=root, team=team)

    def validate() -> None:
        report = batches.validate(batch, mapping=batches.mapping_of(batch), options=batches.options_of(batch))
        assert report.rows == report.valid, report.problems[:3]

    found = {"validate": _best(validate)}
    began = time.perf_counter()
    batches.start(batch, by=root, wake=False)
    running.carry_out_now(batch)
    found["apply"] = time.perf_counter() - began
    found["memory"] = peak.stop()
    _check(batch)
    found["parse"] = _best(lambda: _parse(path)) if path.suffix == ".csv" else 0.0
    print(json.dumps(found))


def _check(batch: ImportBatch) -> None:
    batch.refresh_from_db()
    made = User.objects.filter(memberships__team__name="Acme", memberships__role__code="student").count()
    kept = User.history.filter(history_type="+").count() - 1
    told = OutboxEntry.objects.count()
    if not batch.rows_total == batch.rows_created == made == kept == told:
        raise SystemExit(f"{batch.rows_created=} {made=} {kept=} {told=} of {batch.rows_total}")


def _parse(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        for _ in csv.DictReader(file):
            pass


def _best(do: Callable[[], Any]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        do()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
