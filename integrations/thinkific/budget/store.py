"""Where the state of the shared request budget lives: one row per site."""

import time
from collections.abc import Callable
from typing import Protocol, TypeVar

import msgspec
from django.db import connections, transaction

from integrations.models import RequestBudget
from integrations.thinkific.budget.decisions import BudgetState

R = TypeVar("R")

Decision = Callable[[BudgetState, float], R]


class Store(Protocol):
    """Where the state lives."""

    def change(self, decide: Decision[R]) -> R:
        """Run `decide(state, now)` while nobody else does, and keep what it made of the state."""

    def read(self) -> tuple[BudgetState, float]:
        """The state and the time, without waiting for anybody."""


class DatabaseStore:
    """The row of one site. On PostgreSQL the clock is the database's, so that all machines agree."""

    def __init__(self, site: str, using: str = "default") -> None:
        self.site = site
        self.using = using

    def change(self, decide: Decision[R]) -> R:
        with transaction.atomic(using=self.using, durable=True):
            row = self._locked_row()
            now = self._now()  # after the lock: whoever waited for it is granted from now on
            state = _load(row.state)
            before = msgspec.json.encode(state)
            result = decide(state, now)
            if msgspec.json.encode(state) != before:
                row.state = msgspec.to_builtins(state)
                row.save(using=self.using, update_fields=["state", "updated_at"])
        return result

    def read(self) -> tuple[BudgetState, float]:
        row = RequestBudget.objects.using(self.using).filter(site=self.site).first()
        return _load(row.state if row else {}), self._now()

    def _locked_row(self) -> RequestBudget:
        rows = RequestBudget.objects.using(self.using)
        row = rows.select_for_update().filter(site=self.site).first()
        if row is None:
            rows.get_or_create(site=self.site)
            row = rows.select_for_update().get(site=self.site)
        return row

    def _now(self) -> float:
        connection = connections[self.using]
        if connection.vendor != "postgresql":
            return time.time()
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            return float(cursor.fetchone()[0])


def _load(document: object) -> BudgetState:
    """The state; a fresh one where the document was written by another version."""
    try:
        return msgspec.convert(document, BudgetState)
    except msgspec.ValidationError:
        return BudgetState()
