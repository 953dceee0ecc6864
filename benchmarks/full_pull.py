"""Measures a full pull of people and enrollments in a process of its own: requests, time and memory.

One database is used for several figures: the first load, the same pull again, and a pull of changes.
"""

import math
import sqlite3
from collections.abc import Iterator

import psycopg
import requests

from benchmarks import dlt_baseline
from benchmarks.frame import Line, at_least
from benchmarks.places import Place, Pulled, manage, sync
from benchmarks.scale import Context
from integrations.thinkific.sandbox import SpawnedSandbox

PAGE = 250
TIMES_DLT = 3
TIMES_AGAIN = 4
# The first pull took dlt's time divided by this before new rows were copied. The repeated pull is compared
# with that; otherwise it would seem slower whenever the first pull becomes faster.
OLD_TIMES_DLT = 2.2
MORE_REQUESTS = 3
MORE_MIB = 60
CHANGED = 0.001
KINDS = ("users", "enrollments")


def measure(context: Context, place: Place) -> Iterator[Line]:
    with context.sandbox(context.large) as sandbox:
        database = place.fresh()
        manage(database, "sync", "products", "--json", sandbox=sandbox)
        place.vacuum(database)
        theirs, ours = _in_turn(context, place, sandbox) if place.is_postgresql else ([], [])
        sandbox.control("POST", "stats/reset")
        first = _pull(database, sandbox)
        yield _requests(place, sandbox, first)
        if theirs:
            yield at_least(
                "full pull, first load, end to end",
                place.name,
                ours=min(pulled.seconds for pulled in (*ours, first)),
                baseline=min(theirs),
                times=TIMES_DLT,
                baseline_name=f"dlt {dlt_baseline.VERSION}, CSV loader",
            )
        place.vacuum(database)
        written = _rows_written(place, database)
        again = [_pull(database, sandbox) for _ in (*ours, first)]
        written = _rows_written(place, database) - written
        yield from _again(place, theirs, [*ours, first], again, written)
        yield _incremental(place, sandbox, database)
        idle = _idle_size(database, sandbox)
        yield _memory(place, idle, first, f"{context.people:,} people")
        place.drop(database)
    with context.sandbox(context.small) as sandbox:
        database = place.fresh()
        manage(database, "sync", "products", "--json", sandbox=sandbox)
        small = _pull(database, sandbox)
        yield _memory(place, idle, small, f"{context.small.users:,} people")
        place.drop(database)


def _pull(database: str, sandbox: SpawnedSandbox) -> Pulled:
    return sync(database, sandbox, *KINDS, "--full")


def _in_turn(context: Context, place: Place, sandbox: SpawnedSandbox) -> tuple[list[float], list[Pulled]]:
    """Returns the seconds of dlt, and our pulls, which load the same lists into the same server alternately,
    beginning and ending with dlt."""
    theirs: list[float] = []
    ours: list[Pulled] = []
    for turn in range(context.repeats):
        if turn:
            database = place.fresh()
            manage(database, "sync", "products", "--json", sandbox=sandbox)
            ours.append(_pull(database, sandbox))
            place.drop(database)
        database = place.bare()
        theirs.append(dlt_baseline.load(sandbox, database, _bundles(sandbox)))
        place.drop(database)
    return theirs, ours


def _requests(place: Place, sandbox: SpawnedSandbox, pulled: Pulled) -> Line:
    """Compare the requests to the stand-in with the fewest that the lists need."""
    asked = sandbox.control("GET", "stats")["total"]
    counts = sandbox.control("GET", "state")["counts"]
    least = math.ceil(counts["users"] / PAGE) + math.ceil(counts["enrollments"] / PAGE)
    least += sum(math.ceil(rows / PAGE) or 1 for rows in _bundle_rows(sandbox))
    sent = max(pulled.requests, asked)
    return Line(
        "requests of a full pull",
        place.name,
        f"{sent - least:+,} of {least:,}",
        "exactly the minimum",
        sent == least,
        "one per 250 people, per 250 enrollments, and per 250 rows of each bundle's list",
    )


def _get(sandbox: SpawnedSandbox, path: str, **params: object) -> dict:
    address = f"{sandbox.url}/api/public/v1{path}"
    answer = requests.get(address, headers=sandbox.auth, params=params, timeout=60)
    answer.raise_for_status()
    return answer.json()


def _bundles(sandbox: SpawnedSandbox) -> list[int]:
    products = _get(sandbox, "/products", limit=PAGE)["items"]
    return [p["productable_id"] for p in products if p["productable_type"].lower() == "bundle"]


def _bundle_rows(sandbox: SpawnedSandbox) -> Iterator[int]:
    for bundle in _bundles(sandbox):
        found = _get(sandbox, f"/bundles/{bundle}/enrollments", limit=1)
        yield found["meta"]["pagination"]["total_items"]


def _again(
    place: Place, theirs: list[float], first: list[Pulled], again: list[Pulled], written: int
) -> Iterator[Line]:
    now = min(pulled.busy_seconds for pulled in first)
    yield at_least(
        "the same pull again, nothing changed",
        place.name,
        ours=min(pulled.busy_seconds for pulled in again),
        baseline=min(theirs) / OLD_TIMES_DLT if theirs else now,
        times=TIMES_AGAIN,
        baseline_name=f"the first as it was before COPY (dlt's time / {OLD_TIMES_DLT})"
        if theirs
        else "the first",
    )
    yield Line(
        "rows it writes",
        place.name,
        f"{written:,}",
        "none",
        written == 0,
        "of people, enrollments and their history, by the database's own count",
    )


def _rows_written(place: Place, database: str) -> int:
    """Returns how many rows of mirrored tables were inserted, updated and deleted so far."""
    if place.is_postgresql:
        tables = "'core_user', 'core_enrollment', 'core_historicaluser', 'core_historicalenrollment'"
        with psycopg.connect(database, autocommit=True) as connection:
            row = connection.execute(
                "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables "
                f"WHERE relname IN ({tables})"
            ).fetchone()
        return int(row[0] or 0) if row else 0
    with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_written (n INTEGER)")
        for table in ("core_user", "core_enrollment"):
            for event in ("INSERT", "UPDATE", "DELETE"):
                connection.execute(
                    f"CREATE TRIGGER IF NOT EXISTS bench_{table}_{event} AFTER {event} ON {table} "
                    "BEGIN INSERT INTO bench_written VALUES (1); END"
                )
        return connection.execute("SELECT count(*) FROM bench_written").fetchone()[0]


def _incremental(place: Place, sandbox: SpawnedSandbox, database: str) -> Line:
    total = sandbox.control("GET", "state")["counts"]["enrollments"]
    count = max(1, round(total * CHANGED))
    # Later than the overlap with the last pull, so that only changed rows are requested.
    sandbox.control("POST", "clock", {"advance": 3600})
    sandbox.control("POST", "write/touch_enrollments", {"count": count})
    pulled = sync(database, sandbox, "enrollments")
    least = math.ceil(count / PAGE)
    sent, updated = pulled.requests, pulled.runs["enrollments"]["updated"]
    return Line(
        f"incremental enrollments, {CHANGED:.1%} changed: requests",
        place.name,
        f"{sent - least:+} of {least}",
        f"at most +{MORE_REQUESTS}",
        sent <= least + MORE_REQUESTS and updated >= count,
        f"{updated:,} of {total:,} updated",
    )


def _idle_size(database: str, sandbox: SpawnedSandbox) -> float:
    """Returns the memory of the same process when it pulls almost nothing, in MiB."""
    return sync(database, sandbox, "enrollments").peak_mib


def _memory(place: Place, idle: float, pulled: Pulled, size: str) -> Line:
    peak = pulled.peak_mib
    return Line(
        f"memory of a pull, {size}",
        place.name,
        f"{peak - idle:+.0f} MiB",
        f"within +{MORE_MIB} MiB",
        peak - idle <= MORE_MIB,
        f"{peak:.0f} MiB against {idle:.0f} MiB of the process that has nothing to pull",
    )
