"""Who did what and why, on the history rows that a save or a deletion writes."""

from typing import TypeVar

from django.db.models import Model

from core.models import User

M = TypeVar("M", bound=Model)


def signed(instance: M, *, by: User | None, reason: str) -> M:
    """The same object; its next save or deletion is recorded with this actor and reason.

    Without `by` the person of the current request stands there, if there is one.
    """
    if by is not None:
        instance._history_user = by  # type: ignore[attr-defined]
    else:
        instance.__dict__.pop("_history_user", None)  # whoever changed this object before
    instance._change_reason = reason  # type: ignore[attr-defined]
    return instance
