"""What lists and tabs are sorted by."""

from typing import Any

from django.db.models import CharField, F, Model, TextField, Value
from django.db.models.expressions import Col, Combinable, OrderBy
from django.db.models.functions import NullIf


def empty_last(model: type[Model], name: str, *, descending: bool) -> OrderBy:
    """Returns the order by a field, an annotation or a path in which rows without a value come last, in both
    directions and on both databases. An empty text of the model itself is no value. No index serves this
    order: it is for short lists and for tabs."""
    texts = {field.name for field in model._meta.fields if isinstance(field, CharField | TextField)}
    by: Combinable = NullIf(F(name), Value("")) if name in texts else F(name)
    return by.desc(nulls_last=True) if descending else by.asc(nulls_last=True)  # type: ignore[attr-defined]


class KeyBeside(F):
    """The primary key in the table where a path to a related row ends: `KeyBeside("user__name")` is the key
    of the user. For a path to the key itself Django takes the foreign key; sorted by that, SQLite does not
    walk the index on (name, id) and reads every row."""

    def resolve_expression(self, *args: Any, **options: Any) -> Col:
        column: Any = super().resolve_expression(*args, **options)
        return Col(column.alias, column.target.model._meta.pk)
