"""Signal receivers that complete the history: names of deleted accounts, and objects before their first
change.

They are signals and not calls in services, because accounts are also deleted, and objects saved, in a shell
or by a query for many rows.
"""

from functools import cache
from typing import Any

from django.apps import apps
from django.db.models import ForeignKey, Model, Q
from django.db.models.signals import pre_delete, pre_save

from core.models import User
from core.services.history import record_initial_state


def connect() -> None:
    pre_delete.connect(keep_names, sender=User, dispatch_uid="core.audit.keep_names")
    for model in apps.get_models():
        if hasattr(model, "history"):
            uid = f"core.audit.keep_before_saving.{model._meta.label}"
            pre_save.connect(keep_before_saving, sender=model, dispatch_uid=uid)


def keep_before_saving(sender: type[Model], instance: Model, raw: bool, **options: Any) -> None:
    """Record an object's old values before its first recorded change. A new object has none."""
    if not raw and instance.pk is not None and not hasattr(instance, "_initial_state_recorded"):
        record_initial_state(sender, [instance.pk])


def keep_names(sender: type[Model], instance: User, using: str, **options: Any) -> None:
    """Copy the account's name and address to every row that says that this account did something."""
    name = instance.get_full_name()
    called = name if name == instance.shown_email else f"{name} <{instance.shown_email}>"
    for model, who in places():
        rows = model._base_manager.using(using).filter(Q(**{who: instance}))
        rows.update(**{f"{who}_name": called})


@cache
def places() -> list[tuple[type[Model], str]]:
    """Each foreign key to accounts that has a column for the name beside it (models/fields/history.py)."""
    found = []
    for model in apps.get_models():
        columns = {field.name: field for field in model._meta.concrete_fields}
        for name, column in columns.items():
            if isinstance(column, ForeignKey) and column.related_model is User and f"{name}_name" in columns:
                found.append((model, name))
    return found
