"""Measures how fast gunicorn with two web workers receives webhooks: 200 a second for half a minute, then as
many as SENDERS connections can send. All acknowledged events must be stored."""

import hashlib
import hmac
import http.client
import itertools
import json
import socket
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from benchmarks.frame import Line
from benchmarks.places import ROOT, Place, environment
from benchmarks.scale import Context

RATE, MEDIAN = 200, 0.020
WORKERS, THREADS = 2, 8
SENDERS = 32  # connections; Thinkific's number is not known
KEY = "bench-" + "k" * 26
PATH = "/webhooks/thinkific/"


@dataclass
class Sent:
    acknowledged: list[str] = field(default_factory=list)
    refused: int = 0
    waits: list[float] = field(default_factory=list)  # seconds from when an event was due to its answer
    seconds: float = 0.0

    @property
    def median(self) -> float:
        return statistics.median(self.waits)

    @property
    def late(self) -> float:
        return statistics.quantiles(self.waits, n=100)[98]


def measure(context: Context, place: Place) -> Iterator[Line]:
    database = place.fresh()
    with _web(database) as port:
        _send(port, "warm", count=100, rate=RATE / 4)
        steady = _send(port, "steady", count=int(RATE * context.seconds), rate=RATE)
        crowd = _send(port, "crowd", count=int(RATE * context.seconds), rate=None)
    stored = _stored(database)
    place.drop(database)
    lost = [event for sent in (steady, crowd) for event in sent.acknowledged if event not in stored]
    whole = not lost and not steady.refused
    yield Line(
        f"webhooks, {RATE} a second for {context.seconds:g} s",
        place.name,
        f"{1000 * steady.median:.1f} ms median, {len(lost)} lost, {steady.refused} refused",
        f"all stored, {1000 * MEDIAN:.0f} ms",
        # The budget holds for PostgreSQL; on SQLite the figure is only shown.
        whole and (steady.median < MEDIAN or not place.is_postgresql),
        f"99th percentile {1000 * steady.late:.0f} ms; {WORKERS} web workers of {THREADS} threads",
    )
    yield Line(
        "webhooks, highest rate without loss",
        place.name,
        f"{len(crowd.acknowledged) / crowd.seconds:.0f} a second, {crowd.refused} refused",
        f"at least {RATE}, none lost",
        not lost and len(crowd.acknowledged) / crowd.seconds >= RATE,
        f"{SENDERS} connections as fast as they are answered; {1000 * crowd.median:.0f} ms median",
    )


@contextmanager
def _web(database: str) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    options = ["--config=python:project.serving.config", f"--bind=127.0.0.1:{port}"]
    options += [f"--workers={WORKERS}", f"--threads={THREADS}", "--log-level=warning"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options],
        cwd=ROOT,
        env=environment(database, ALLOWED_HOSTS="127.0.0.1", THINKIFIC_WEBHOOK_SECRETS=KEY),
    )
    try:
        _wait_for(port, process)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise RuntimeError("gunicorn does not answer.")


def _send(port: int, name: str, *, count: int, rate: float | None) -> Sent:
    """Send `count` events: one every `1 / rate` seconds however long the answers take, or as fast as possible
    without a rate."""
    sent, numbers, lock = Sent(), itertools.count(), threading.Lock()
    begin = time.monotonic() + 0.2

    def work() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while (number := next(numbers)) < count:
            body, headers = _event(f"{name}-{number}")
            due = begin + number / rate if rate else max(begin, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                connection.request("POST", PATH, body, headers)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            with lock:
                sent.waits.append(time.monotonic() - due)
                if 200 <= status < 300:
                    sent.acknowledged.append(f"{name}-{number}")
                else:
                    sent.refused += 1
        connection.close()

    senders = [threading.Thread(target=work) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    sent.seconds = time.monotonic() - begin
    return sent


def _event(event_id: str) -> tuple[bytes, dict[str, str]]:
    user = {"id": 90001, "email": "nadia.okafor@example.org", "first_name": "Nadia", "last_name": "Okafor"}
    payload = {
        "id": 700001,
        "course_id": 3001,
        "course": {"id": 3001, "name": "Safety Basics"},
        "user": user,
        "percentage_completed": "0.42",
        "free_trial": False,
        **dict.fromkeys(
            ["activated_at", "created_at", "started_at", "updated_at"], "2026-03-10T10:00:00.000Z"
        ),
        **dict.fromkeys(["completed_at", "expiry_date"]),
    }
    event = {
        "id": event_id,
        "resource": "enrollment",
        "action": "progress",
        "tenant_id": "55501",
        "created_at": "2026-03-10T10:00:00.000Z",
        "payload": payload,
    }
    body = json.dumps(event).encode()
    signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    return body, {"Content-Type": "application/json", "X-Thinkific-Hmac-Sha256": signature}


def _stored(database: str) -> set[str]:
    question = "SELECT event_id FROM integrations_inboundevent"
    if database.startswith("sqlite:///"):
        with sqlite3.connect(database.removeprefix("sqlite:///")) as connection:
            return {row[0] for row in connection.execute(question)}
    with psycopg.connect(database) as server:
        return {row[0] for row in server.execute(question)}
