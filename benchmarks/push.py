"""How soon a change reaches Thinkific while nothing else happens, with a real worker and its polling; and how
ten thousand changes use the request limit.

`python -m benchmarks.push edit N|mark N|own N` is what runs in a process of its own, with Django.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.frame import Line
from benchmarks.places import ROOT, Place, child, environment
from benchmarks.scale import Context
from integrations.thinkific.sandbox import Scale, SpawnedSandbox

EDITS, PAUSE = 40, 0.7  # seconds between edits: the queue is idle again each time
LIMIT, WINDOW = 1000, 10.0  # of a Plus site, the minute scaled down
ENTRIES, OWN_ENTRIES = 10_000, 1000
MEDIAN, P95, OWN, SHARE = 1.0, 2.0, 5.0, 0.95


def measure(context: Context, place: Place) -> Iterator[Line]:
    scale = Scale.bulk(ENTRIES, enrollments_per_user=0, quiz_results_per_user=0, bundles=0, groups=0)
    with context.sandbox(scale) as sandbox:
        database = place.fresh()
        child(["manage.py", "sync", "users", "--json"], environment(database, sandbox))
        yield from _latency(place, database, sandbox)
        yield _own_work(place, database, sandbox)
        place.drop(database)
    limits = {"rate_limit": LIMIT, "rate_window": WINDOW, "concurrency": 10}
    with context.sandbox(scale, **limits) as sandbox:
        database = place.fresh()
        limited = environment(database, sandbox, THINKIFIC_RATE_LIMIT=LIMIT, THINKIFIC_RATE_WINDOW=WINDOW)
        child(["manage.py", "sync", "users", "--json"], limited)
        yield _under_the_limit(context, place, database, sandbox)
        place.drop(database)


def _latency(place: Place, database: str, sandbox: SpawnedSandbox) -> Iterator[Line]:
    """From the commit in one process until a worker in another has sent it."""
    variables = environment(database, sandbox)
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "worker"],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(6)  # until it works
        seconds = sorted(child(["-m", "benchmarks.push", "edit", str(EDITS)], variables)["seconds"])
    finally:
        worker.terminate()
        worker.wait(30)
    median, p95 = statistics.median(seconds), seconds[int(len(seconds) * 0.95) - 1]
    for what, value, budget in (("median", median, MEDIAN), ("95th percentile", p95, P95)):
        yield Line(
            f"change to request, idle, {what}",
            place.name,
            f"{value:.2f} s",
            f"under {budget:g} s",
            value < budget,
            f"{len(seconds)} edits, one worker process group, polling included",
        )


def _own_work(place: Place, database: str, sandbox: SpawnedSandbox) -> Line:
    variables = environment(database, sandbox)
    child(["-m", "benchmarks.push", "mark", str(OWN_ENTRIES)], variables)
    found = child(["-m", "benchmarks.push", "own", str(OWN_ENTRIES)], variables)
    per_entry = 1000 * found["cpu"] / OWN_ENTRIES
    return Line(
        "the drain's own work per entry",
        place.name,
        f"{per_entry:.1f} ms",
        f"under {OWN:g} ms",
        per_entry < OWN,
        f"{OWN_ENTRIES} renamed people, processor time without that of the requests, which took "
        f"{1000 * found['http'] / OWN_ENTRIES:.1f} ms",
    )


def _under_the_limit(context: Context, place: Place, database: str, sandbox: SpawnedSandbox) -> Line:
    variables = environment(database, sandbox, THINKIFIC_RATE_LIMIT=LIMIT, THINKIFIC_RATE_WINDOW=WINDOW)
    child(["-m", "benchmarks.push", "mark", str(ENTRIES)], variables)
    sandbox.control("POST", "stats/reset")
    drain = subprocess.Popen(
        [sys.executable, "manage.py", "drain", "--json"],
        cwd=ROOT,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        while not sandbox.control("GET", "stats")["grants_by_window"]:
            time.sleep(0.05)
        begun = int(time.time() // WINDOW) + 1
        windows = max(3, int(context.seconds // WINDOW))
        time.sleep((windows + 1) * WINDOW)
        stats = sandbox.control("GET", "stats")
    finally:
        drain.kill()
        drain.wait()
    granted = [stats["grants_by_window"].get(str(begun + number), 0) for number in range(windows)]
    refused = stats["refused_rate"] + stats["refused_concurrency"]
    share = sum(granted) / (LIMIT * windows)
    return Line(
        f"use of the request limit by {ENTRIES:,} pushes",
        place.name,
        f"{share:.1%}, {refused} refused",
        f"at least {SHARE:.0%}, none refused",
        share >= SHARE and refused == 0,
        f"requests in {windows} windows of {LIMIT} per {WINDOW:g} s: {', '.join(map(str, granted))}",
    )


def _main(what: str, count: int) -> None:
    import django

    django.setup()
    from django.db import transaction

    from core.models import User
    from core.services import outbox, people

    if what == "mark":
        users = User.objects.filter(thinkific_id__isnull=False).order_by("pk")[:count]
        changed = list(users)
        User.objects.filter(pk__in=[user.pk for user in changed]).update(last_name="Renamed")
        seen = {user.pk: {"last_name": user.last_name} for user in changed}
        with transaction.atomic():
            outbox.mark_stale(changed, reason="file", last_seen=seen)
    elif what == "edit":
        users = list(User.objects.filter(thinkific_id__isnull=False).order_by("pk")[:count])
        print(json.dumps({"seconds": [_seconds_to_request(user, people) for user in users]}))
    else:
        print(json.dumps(_own_seconds()))


def _seconds_to_request(user, people) -> float:  # type: ignore[no-untyped-def]
    """Until the entry is done, milliseconds later than its last request: a little too severe."""
    from core.models import OutboxEntry

    time.sleep(PAUSE)
    people.update_user(user, last_name=f"Edited {user.pk}")
    started = time.monotonic()
    entry = OutboxEntry.objects.filter(object_id=user.pk, entity="user").latest("pk")
    while OutboxEntry.objects.get(pk=entry.pk).status != "done":
        if time.monotonic() - started > 90:
            raise RuntimeError("Nothing was sent within 90 seconds.")
        time.sleep(0.01)
    return time.monotonic() - started


def _own_seconds() -> dict[str, float]:
    from integrations.thinkific.sync.outbox import drain
    from integrations.thinkific.transport import Transport

    spent = []
    send = Transport.send_raw

    def timed(*args, **kwargs):  # type: ignore[no-untyped-def]
        started = time.thread_time()
        try:
            return send(*args, **kwargs)
        finally:
            spent.append(time.thread_time() - started)

    Transport.send_raw = timed  # type: ignore[method-assign]
    started = time.process_time()
    drain(seconds=120)
    return {"cpu": time.process_time() - started - sum(spent), "http": sum(spent)}


if __name__ == "__main__":
    _main(sys.argv[1], int(sys.argv[2]))
