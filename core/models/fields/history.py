"""The columns that every history table has besides those of its model: who acted, and as whom."""

from functools import cache
from typing import Any

from django.conf import settings
from django.db import models
from simple_history.manager import HistoryManager
from simple_history.models import HistoricalRecords

from core import acting

# The reason of a history row with the object's values before its first change (core/services/history.py).
AS_IT_WAS = "as it was before the first change"


def kept_name() -> models.TextField:
    """Returns a column `<who>_name` for a model with a foreign key `<who>` to User. When the account is
    deleted, its name and address are copied there (core/audit.py). `done_by` reads both."""
    return models.TextField(null=True, editable=False)


def done_by(row: models.Model, who: str) -> str:
    """Returns the name of the user that the foreign key `who` refers to, also after the account was deleted.
    Empty when there was no user."""
    person = getattr(row, who)
    return str(person) if person is not None else getattr(row, f"{who}_name") or ""


class DoneInImpersonation(models.Model):
    """Rows that say who did something: the impersonation in which it was done, if it was.

    The value is a default and not passed on by those who write: so bulk writes have it too.
    """

    impersonation = models.ForeignKey(
        "core.ImpersonationSession",
        null=True,
        editable=False,
        default=acting.session_id,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,  # rows are found by the person or the administrator, whose columns have indexes
    )

    class Meta:
        abstract = True

    def with_impersonator(self, name: str) -> str:
        """Returns "Alma as Mara" for "Mara", where Alma acted as her."""
        return name if self.impersonation is None else f"{self.impersonation.impersonator} as {name}"


class StampedHistory(DoneInImpersonation):
    """`history_user` is the account that acted; `impersonator` the administrator who acted as that user, if
    one did, in the `impersonation`."""

    history_user_name = kept_name()
    impersonator_name = kept_name()
    impersonator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        default=acting.impersonator_id,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        abstract = True


class QuickHistoryManager(HistoryManager):
    """Makes the manager's class once. The library makes a new class at every access to `history`, several
    times in each save."""

    @classmethod
    def from_queryset(cls, queryset_class: Any, class_name: str | None = None) -> Any:
        return _manager_class(queryset_class)


@cache
def _manager_class(queryset_class: Any) -> Any:
    return HistoryManager.from_queryset(queryset_class)


def tracked(**options: Any) -> HistoricalRecords:
    """Returns the history of a model; its rows name the impersonator too."""
    return HistoricalRecords(bases=[StampedHistory], history_manager=QuickHistoryManager, **options)
