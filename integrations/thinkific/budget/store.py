"""The stored state of the shared request budget: one row per site."""

import time
from collections.abc import Callable
from typing import TypeVar

import msgspec
from django.db import connection, transaction

from integrations.models import RequestBudget
from integrations.thinkific.budget.decisions import BudgetState

R = TypeVar("R")

Decision = Callable[[BudgetState, float], R]


class Store:
    """The row of one site. On PostgreSQL the time is the database's, the same for all machines."""

    def __init__(self, site: str) -> None:
        self.site = site

    def change(self, decide: Decision[R]) -> R:
        """Runs `decide(state, now)` under a lock, stores the changed state and returns the result."""
        with transaction.atomic(durable=True):
            row = self._locked_row()
            now = self._now()  # after the lock: waiting for it takes time
            state = _load(row.state)
            before = msgspec.json.encode(state)
            result = decide(state, now)
            if msgspec.json.encode(state) != before:
                row.state = msgspec.to_builtins(state)
                row.save(update_fields=["state", "updated_at"])
        return result

    def _locked_row(self) -> RequestBudget:
        rows = RequestBudget.objects.filter(site=self.site).select_for_update()
        row = rows.first()
        if row is None:
            RequestBudget.objects.get_or_create(site=self.site)
            row = rows.get()
        return row

    def _now(self) -> float:
        if connection.vendor != "postgresql":
            return time.time()
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
            return float(cursor.fetchone()[0])


def _load(document: object) -> BudgetState:
    """Returns the state; an empty one where another version wrote the document."""
    try:
        return msgspec.convert(document, BudgetState)
    except msgspec.ValidationError:
        return BudgetState()
