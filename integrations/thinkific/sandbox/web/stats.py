"""Counts and a log of the requests to the stand-in, for tests and benchmarks."""

import time
from collections import Counter, deque
from typing import Any

from integrations.thinkific.sandbox.web.http import Request


class Stats:
    def __init__(self) -> None:
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        self.total = 0
        self.by_endpoint: Counter[str] = Counter()  # "GET /users/{id}"
        self.by_status: Counter[int] = Counter()
        self.by_operation: Counter[str] = Counter()  # GraphQL operation names
        self.faults: Counter[str] = Counter()
        self.points = 0
        self.bytes_sent = 0
        self.max_concurrent = 0
        self.started_at = time.time()
        self.log: deque[dict[str, Any]] = deque(maxlen=10_000)
        self.writes: deque[dict[str, Any]] = deque(maxlen=100_000)

    def arrived(self) -> None:
        self.in_flight += 1
        self.max_concurrent = max(self.max_concurrent, self.in_flight)

    def departed(self) -> None:
        self.in_flight -= 1

    def served(self, request: Request, endpoint: str, status: int, size: int) -> None:
        self.total += 1
        self.by_endpoint[f"{request.method} {endpoint}"] += 1
        self.by_status[status] += 1
        self.bytes_sent += size
        entry = {
            "at": time.time(),
            "method": request.method,
            "path": request.path,
            "query": request.query_string,
            "status": status,
        }
        self.log.append(entry)
        if request.method != "GET":
            self.writes.append(entry | {"body": request.body.decode(errors="replace")})
