"""Filling folded columns (models/fields/folded.py) of rows that something else than this code has written: an
older version while an upgrade rolls, a fixture, a person by SQL."""

from collections.abc import Callable

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models import Q

from core.models.fields.folded import PART, folded_fields, refill


def fill_missing() -> int:
    """Fill rows whose `folded` or `plain` is NULL, or the only such column of the model. Returns how many
    were written."""
    written = 0
    for model in _models():
        names = [field.name for field in folded_fields(model)]
        asked = [name for name in ("folded", "plain") if name in names] or names[:1]
        missing = Q(*((f"{name}__isnull", True) for name in asked), _connector=Q.OR)
        rows = model._base_manager.filter(missing).order_by("pk")
        written += _refill(model, list(rows.values_list("pk", flat=True)))
    return written


def fill_again(beat: Callable[[], object] = lambda: None) -> int:
    """Check all rows and correct those with outdated values. Calls `beat` after each part, as a sign of life.
    Returns how many were written."""
    written = 0
    for model in _models():
        last, rows = 0, model._base_manager.order_by("pk").values_list("pk", flat=True)
        while keys := list(rows.filter(pk__gt=last)[:PART]):
            written += _refill(model, keys)
            last = keys[-1]
            beat()
    return written


def _models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if folded_fields(model)]


def _refill(model: type[models.Model], keys: list[int]) -> int:
    """Fill these rows (primary keys). Where a unique value is taken, fill them one by one and leave those
    rows empty: of two rows with one value the older has it."""
    written = 0
    for start in range(0, len(keys), PART):
        part = keys[start : start + PART]
        try:
            with transaction.atomic():
                written += refill(model, folded_fields(model), part)
        except IntegrityError:
            if len(keys) > 1:
                written += sum(_refill(model, [key]) for key in part)
    return written
