"""`python -m benchmarks.inside.exporting ROWS FOLDER`: exports enrollments as CSV, by `manage.py export` and
by a bare loop over a cursor that writes the same cells, for benchmarks/files.py. Prints the seconds of each,
and the largest memory of the export beyond the idle process in MiB."""

import csv
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from benchmarks.inside.filling import fill
from benchmarks.inside.memory import Peak
from core.models import Enrollment, User

ROUNDS = 2
AT_ONCE = 2000
ZONE = timezone.get_default_timezone()
HEADINGS = ["Name", "Email", "Course", "Status", "Progress %", "Activated", "Expires", "Origin", "Via bundle"]
ORIGIN = " ".join(f"WHEN '{value}' THEN '{label}'" for value, label in Enrollment.Origin.choices)
# The cells of the columns that the list shows.
BARE = f"""
    SELECT trim(u.first_name || ' ' || u.last_name), u.email, p.name,
           CASE WHEN e.expiry_date <= CURRENT_TIMESTAMP THEN 'expired'
                WHEN e.completed_at IS NOT NULL OR e.percentage_completed >= 1 THEN 'completed'
                ELSE 'active' END,
           CAST(round(e.percentage_completed * 100) AS integer), e.activated_at, e.expiry_date,
           CASE e.origin {ORIGIN} END, b.name
      FROM core_enrollment e
      JOIN core_user u ON u.id = e.user_id
      JOIN core_product p ON p.id = e.product_id
      LEFT JOIN core_enrollment v ON v.id = e.via_bundle_id
      LEFT JOIN core_product b ON b.id = v.product_id
     ORDER BY e.id DESC
"""


def run(rows: int, folder: Path) -> None:
    root = User.objects.create_superuser("root@bench.example", first_name="Root")
    fill(rows)
    ours, bare = folder / "ours.csv", folder / "bare.csv"

    def export() -> None:
        call_command("export", "enrollments", output=str(ours), viewer=root.email)

    peak = Peak()
    found = {"ours": _best(export)}
    found["memory"] = peak.stop()
    found["bare"] = _best(lambda: _loop(bare))
    _check(ours, bare)
    print(json.dumps(found))


def _loop(path: Path) -> None:
    # A cursor of the server needs a transaction; SQLite reads row by row anyway.
    with transaction.atomic(), path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, quoting=csv.QUOTE_ALL).writerow
        write(HEADINGS)
        with connection.chunked_cursor() as cursor:
            cursor.execute(BARE)
            while rows := cursor.fetchmany(AT_ONCE):
                for *texts, activated, expires, origin, bundle in rows:
                    write([*texts, _text(activated), _text(expires), origin, bundle])


def _text(moment: datetime | str | None) -> str:
    if moment is None:
        return ""
    if isinstance(moment, str):  # SQLite
        moment = datetime.fromisoformat(moment)
    return moment.replace(tzinfo=UTC).astimezone(ZONE).isoformat(sep=" ", timespec="seconds")


def _check(ours: Path, bare: Path) -> None:
    with ours.open(encoding="utf-8-sig") as one, bare.open(encoding="utf-8") as other:
        for mine, theirs in zip(one, other, strict=True):
            if mine != theirs:
                raise SystemExit(f"The files differ:\n{mine}{theirs}")


def _best(do: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        do()
        times.append(time.perf_counter() - began)
    return min(times)


if __name__ == "__main__":
    run(int(sys.argv[1]), Path(sys.argv[2]))
