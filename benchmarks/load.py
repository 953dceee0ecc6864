"""`python -m benchmarks.load URL TOKEN SECONDS CONNECTIONS KIND FIRST LAST`: sends requests over connections
that stay open, as fast as they are answered. Prints the rate and the times as one JSON object."""

import base64
import http.client
import itertools
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit
from zlib import crc32

FIELDS = "id,first_name,last_name,email,thinkific_id,created_at,updated_at"
NAMES = ("alice", "bruno", "carla", "david", "elena", "frank", "grace", "henry", "irene", "james")
Made = tuple[str, str, bytes | None]
numbers = itertools.count()


def requests_of(kind: str, first: int, last: int) -> dict[str, Callable[[random.Random], Made]]:
    """Returns what makes a request, for ours and for the bare site."""

    def body() -> bytes:
        number = f"{os.getpid()}-{next(numbers)}"
        return json.dumps(
            {"first_name": "Sam", "last_name": f"N{number}", "email": f"s{number}@load.example"}
        ).encode()

    return {
        "read": lambda dice: ("GET", f"/api/students/{dice.randint(first, last)}", None),
        "bare-read": lambda dice: ("GET", f"/student/{dice.randint(first, last)}", None),
        "page": lambda dice: ("GET", "/api/students", None),
        "bare-page": lambda dice: ("GET", "/page", None),
        "search": lambda dice: ("GET", f"/api/students?search={dice.choice(NAMES)}", None),
        "bare-search": lambda dice: ("GET", f"/search?term={dice.choice(NAMES)}", None),
        "keyset": lambda dice: (
            "GET",
            f"/api/students?per_page=100&fields={FIELDS}&cursor={cursor(dice.randint(first, last))}",
            None,
        ),
        "bare-keyset": lambda dice: ("GET", f"/keyset?after={dice.randint(first, last)}", None),
        "write": lambda dice: ("POST", "/api/students", body()),
        "bare-write": lambda dice: ("POST", "/student", body()),
    }


def cursor(key: int) -> str:
    """Returns the cursor behind a student, as api/paging.py writes it."""
    written = json.dumps([crc32(b"/api/students pk False"), key])
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def load(
    url: str, token: str, seconds: float, connections: int, make: Callable[[random.Random], Made]
) -> dict:
    times: list[float] = []
    end = time.perf_counter() + seconds
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def client(seed: int) -> None:
        dice, address = random.Random(seed), urlsplit(url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)
        while (began := time.perf_counter()) < end:
            method, path, body = make(dice)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{path}: {answer.status} {content[:300]!r}")
            times.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client, args=[seed]) for seed in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times.sort()
    middle, high = times[len(times) // 2], times[int(len(times) * 0.99)]
    return {"rate": len(times) / seconds, "median": 1000 * middle, "p99": 1000 * high, "count": len(times)}


if __name__ == "__main__":
    url, token, seconds, connections, kind, first, last = sys.argv[1:]
    chosen = requests_of(kind, int(first), int(last))[kind]
    print(json.dumps(load(url, token, float(seconds), int(connections), chosen)))
