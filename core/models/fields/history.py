"""What every history table has besides the row: who acted, and as whom."""

from functools import cache
from typing import Any

from django.conf import settings
from django.db import models
from simple_history.manager import HistoryManager
from simple_history.models import HistoricalRecords

# The reason of a row that says what an object was before its first change (core/services/history.py).
AS_IT_WAS = "as it was before the first change"


def kept_name() -> models.TextField:
    """For a column `<who>_name` beside a foreign key `<who>` to an account: its name and address, written
    there when the account is deleted (core/audit.py). Read both by `done_by`."""
    return models.TextField(null=True, editable=False)


def done_by(row: models.Model, who: str) -> str:
    """The name of whoever `who` of the row means, also after their account was deleted; else nothing."""
    person = getattr(row, who)
    return str(person) if person is not None else getattr(row, f"{who}_name") or ""


class StampedHistory(models.Model):
    """`history_user` is whose account acted; `impersonator` the administrator behind it, if there was one."""

    history_user_name = kept_name()
    impersonator_name = kept_name()
    impersonator = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        abstract = True


class QuickHistoryManager(HistoryManager):
    """Its class is made once, and not with every look at `history`: each save takes several."""

    @classmethod
    def from_queryset(cls, queryset_class: Any, class_name: str | None = None) -> Any:
        return _manager_class(queryset_class)


@cache
def _manager_class(queryset_class: Any) -> Any:
    return HistoryManager.from_queryset(queryset_class)


def tracked(**options: Any) -> HistoricalRecords:
    """History for a model, stamped with the impersonator."""
    return HistoricalRecords(bases=[StampedHistory], history_manager=QuickHistoryManager, **options)
