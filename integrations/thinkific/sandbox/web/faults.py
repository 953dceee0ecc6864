"""Faults that a test can install: what fails, for which requests, and how often."""

import re
from random import Random
from typing import Literal

import msgspec

from integrations.thinkific.sandbox.web.http import Request

Kind = Literal[
    "422",
    "429",
    "500",
    "520",
    "401",
    "reset",
    "stall",
    "truncate",
    "lost_answer",
    "shift_pages",
    "empty_list",
    "repeat_page",
    "told",
    "graphql_error",
]
# These answer instead of the site. With the others, the request is processed and something else fails.
ANSWERS = {"422", "429", "500", "520", "401", "reset", "graphql_error"}


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Applies to the next `next` requests, to every `every`-th, or with `probability`; else to all."""

    kind: Kind
    probability: float | None = None
    next: int | None = None
    every: int | None = None
    after: int = 0  # number of matching requests that pass first
    method: str | None = None  # `method` and `path` are regular expressions; both must match
    path: str | None = None
    seconds: float = 30.0  # stall
    when: Literal["before", "after"] = "after"  # stall: before or after the request is processed
    how: Literal["move", "delete", "insert"] = "move"  # shift_pages
    # fault "told": replaces values of meta.pagination, None removes meta; fault "422": the body of the answer
    told: dict[str, object] | None = None
    code: str = "SERVER_ERROR"  # graphql_error
    id: int = 0
    seen: int = 0
    hits: int = 0

    def matches(self, request: Request) -> bool:
        if self.method and not re.search(self.method, request.method, re.IGNORECASE):
            return False
        if not self.path:
            return True
        target = f"{request.path}?{request.query_string}" if request.query_string else request.path
        return re.search(self.path, target) is not None

    def applies_to(self, request: Request, random: Random) -> bool:
        if not self.matches(request):
            return False
        self.seen += 1
        if self.seen <= self.after:
            return False
        if self.next is not None and self.hits >= self.next:
            return False
        if self.every is not None and (self.seen - self.after) % self.every:
            return False
        if self.probability is not None and random.random() >= self.probability:
            return False
        self.hits += 1
        return True


class Faults:
    def __init__(self, seed: int = 1) -> None:
        self.active: list[Fault] = []
        self._random = Random(seed)  # noqa: S311 - repeatable, not secret
        self._last_id = 0

    def add(self, kind: Kind, **details: object) -> Fault:
        return self.install(msgspec.convert({"kind": kind} | details, Fault))

    def install(self, fault: Fault) -> Fault:
        self._last_id += 1
        fault.id = self._last_id
        self.active.append(fault)
        return fault

    def remove(self, fault_id: int) -> None:
        self.active = [fault for fault in self.active if fault.id != fault_id]

    def clear(self) -> None:
        self.active = []

    def applying(self, request: Request) -> list[Fault]:
        if not self.active:
            return []
        return [fault for fault in self.active if fault.applies_to(request, self._random)]
