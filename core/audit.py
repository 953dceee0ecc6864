"""Who did what stays known when an account is deleted, and what something was when it is saved.

Signals, so that it holds however the account ends: by our service, in a shell, by a query that deletes many;
and whoever saves.
"""

from functools import cache
from typing import Any

from django.apps import apps
from django.db.models import ForeignKey, Model, Q
from django.db.models.signals import pre_delete, pre_save

from core.models import User
from core.services.history import keep_what_was


def connect() -> None:
    pre_delete.connect(keep_names, sender=User, dispatch_uid="core.audit.keep_names")
    for model in apps.get_models():
        if hasattr(model, "history"):
            uid = f"core.audit.keep_before_saving.{model._meta.label}"
            pre_save.connect(keep_before_saving, sender=model, dispatch_uid=uid)


def keep_before_saving(sender: type[Model], instance: Model, raw: bool, **options: Any) -> None:
    """What is saved for the first time since it has a history; what is new has no past."""
    if not raw and instance.pk is not None and not hasattr(instance, "_kept_what_was"):
        keep_what_was(sender, [instance.pk])


def keep_names(sender: type[Model], instance: User, using: str, **options: Any) -> None:
    """Write the name and the address onto every row that names the account as whoever did something."""
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
