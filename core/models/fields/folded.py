"""Columns that hold a folded copy of other columns of the row, for searching and comparing
(core/folding.py)."""

from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import Any, Self, TypeVar

from django.db import models

from core.folding import bare, fold, tidy

M = TypeVar("M", bound=models.Model)
PART = 500


class FoldedField(models.TextField):
    """Holds the result of `how`, called with the columns `sources`. Saves, updates and the mirror's bulk
    writes (services/storage/bulk.py) fill it. NULL only in a row that was written in another way, for example
    by an older version; the worker fills those every minute."""

    def __init__(self, *sources: str, how: Callable[..., str] = fold, **options: Any) -> None:
        super().__init__(**{"null": True, "editable": False, **options})
        self.sources, self.how = sources, how

    def deconstruct(self) -> tuple[str, str, Any, Any]:
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.TextField", args, kwargs  # migrations need no more

    def pre_save(self, model_instance: models.Model, add: bool) -> str:
        value = self.how(*(getattr(model_instance, source) for source in self.sources))
        setattr(model_instance, self.attname, value)
        return value


@cache
def folded_fields(model: type[models.Model]) -> tuple[FoldedField, ...]:
    return tuple(field for field in model._meta.concrete_fields if isinstance(field, FoldedField))


def fields_of(model: type[models.Model], changed: Collection[str]) -> list[FoldedField]:
    """Returns the folded columns that must be filled again when these columns change."""
    return [field for field in folded_fields(model) if not set(field.sources).isdisjoint(changed)]


def holding(column: str, word: str, model: type[models.Model] | None = None) -> models.Q:
    """Returns the condition that the column contains the word, ignoring case. For names and addresses pass
    their folded column: then accents are ignored too. `model` is the one that the column's path begins at; it
    is needed where names are unique, whose form without accents is in a column of its own (`plain`)."""
    path, _, name = column.rpartition("__")
    if name != "folded":
        return models.Q(**{f"{column}__icontains": word})
    typed, without = fold(word), bare(word)
    found = models.Q(**{f"{column}__contains": typed})
    if without != typed:
        found |= models.Q(**{f"{column}__contains": without})
    if model is not None and _has_plain(model, path):
        found |= models.Q(**{f"{path}__plain__contains" if path else "plain__contains": without})
    return found


@cache
def _has_plain(model: type[models.Model], path: str) -> bool:
    for part in path.split("__") if path else ():
        related = model._meta.get_field(part).related_model
        assert isinstance(related, type)
        model = related
    return any(field.name == "plain" for field in folded_fields(model))


class FoldedQuerySet(models.QuerySet[M]):
    def update(self, **values: Any) -> int:
        fields = fields_of(self.model, values)
        # Read first: after the update the rows may no longer match this query.
        keys = list(self.order_by().values_list("pk", flat=True)) if fields else []
        changed = super().update(**values)
        for start in range(0, len(keys), PART):
            refill(self.model, fields, keys[start : start + PART])
        return changed

    update.alters_data = True  # type: ignore[attr-defined]


def refill(model: type[models.Model], fields: Iterable[FoldedField], keys: Collection[Any]) -> int:
    """Correct these folded columns in these rows (primary keys). Returns how many rows were written."""
    fields = list(fields)
    sources = list(dict.fromkeys(source for field in fields for source in field.sources))
    rows = model._base_manager.filter(pk__in=keys)
    written = 0
    for pk, *values in rows.values_list("pk", *sources, *(field.attname for field in fields)):
        of, have = dict(zip(sources, values, strict=False)), values[len(sources) :]
        wanted = [field.how(*(of[source] for source in field.sources)) for field in fields]
        if wanted != have:
            now = {field.attname: value for field, value in zip(fields, wanted, strict=True)}
            written += models.QuerySet.update(rows.filter(pk=pk), **now)
    return written


class Folded(models.Model):
    """Base of models with folded columns. The source columns are stored tidied (`tidy`)."""

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        for field in folded_fields(type(self)):
            for source in set(field.sources).intersection(self.__dict__):
                setattr(self, source, tidy(getattr(self, source)))
        if update_fields is not None:
            names = set(update_fields)
            update_fields = names | {field.name for field in fields_of(type(self), names)}
        super().save(*args, update_fields=update_fields, **options)

    @classmethod
    def named(cls, name: str) -> "models.QuerySet[Self]":
        """Returns the rows with this name, ignoring case. For models whose names are unique."""
        return cls._default_manager.filter(folded=fold(name))
