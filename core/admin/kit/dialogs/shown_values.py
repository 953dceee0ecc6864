"""Forms that show stored values: what the person changed is written, and nothing else.

Between the moment a form is drawn and the moment it is sent, a pull, an event or somebody else may store a
newer value. So the form carries the values that it showed (Django's "hidden initial" inputs), and three are
compared for each field: shown, sent, and stored now.

- Sent as it was shown: the person has not touched the field. What is stored now stays.
- Changed, and stored as it was shown: it is written.
- Changed, and stored differently by now: refused beside the field with the values. The form then shows the
  newer value as its own, so that sending it once more is a decision.

A request without the shown values (from a script) is taken as if the form had been drawn just now.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.db.models.query import QuerySet
from django.utils.functional import cached_property

from core import moments
from core.email_display import as_people_write
from core.folding import normalize_email


class ShownValues(forms.BaseForm):
    """A mixin, before the form class. Every visible field is protected, unless its first value is no stored
    one: see `suggest`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.touched: set[str] = set()  # fields that the person changed; known once the form is clean
        self._as_sent: Any = self.data
        self.data: Any
        for field in self.fields.values():
            field.show_hidden_initial = not field.widget.is_hidden and not field.disabled

    def suggest(self, name: str, value: Any) -> None:
        """Begin a field with a value that is stored nowhere yet, to be taken or changed."""
        self.fields[name].initial = value
        self.fields[name].show_hidden_initial = False

    @property
    def is_unchanged(self) -> bool:
        """Whether a form that shows nothing but stored values was sent as it was shown."""
        visible = [field for field in self.fields.values() if not field.widget.is_hidden]
        shown = [field for field in visible if field.show_hidden_initial]
        return bool(shown) and shown == visible and not self.touched

    @cached_property
    def changed_data(self) -> list[str]:
        """For Django, which asks this of the forms of models."""
        if self.empty_permitted:  # a further row of a list: asked before it is cleaned, since it may be empty
            bound: dict[str, Any] = {name: self[name] for name in self.fields}
            return [name for name, one in bound.items() if one._has_changed()]
        return [name for name in self.fields if name in self.touched] if self.errors is not None else []

    def full_clean(self) -> None:
        self.touched = set()
        self.__dict__.pop("changed_data", None)
        if self.is_bound:
            self.data = self._as_sent.copy()
        super().full_clean()

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        for name, field in self._protected():
            stored = self.get_initial_for_field(field, name)
            now, shown = comparable(field, stored), self._shown(name, field, stored)
            sent = comparable(field, self._raw(name, field))
            if sent in (shown, now):
                if now:  # what was stored before is not this person's to correct; what is missing is
                    self.errors.pop(name, None)
                if name not in self.errors:
                    self.cleaned_data[name] = _value_of(field, stored)
                self._show(name, stored, and_the_field=True)
                continue
            self.touched.add(name)
            if now != shown and name not in self.errors:
                self.add_error(name, self._moved(field, shown=shown, now=now))
            self._show(name, stored)

    def _protected(self) -> Iterator[tuple[str, forms.Field]]:
        return ((name, field) for name, field in self.fields.items() if field.show_hidden_initial)

    def _raw(self, name: str, field: forms.Field) -> Any:
        return field.widget.value_from_datadict(self._as_sent, self.files, self.add_prefix(name))

    def _shown(self, name: str, field: forms.Field, stored: Any) -> Any:
        key = self.add_initial_prefix(name)
        if key in self._as_sent:
            raw = field.hidden_widget().value_from_datadict(self._as_sent, self.files, key)
            return comparable(field, raw)
        # Of a choice of many that was empty nothing is sent: then the others tell whether this was drawn.
        drawn = any(self.add_initial_prefix(other) in self._as_sent for other, _ in self._protected())
        return comparable(field, None if drawn else stored)

    def _show(self, name: str, stored: Any, *, and_the_field: bool = False) -> None:
        """Should the form be drawn again: it shows what is stored now."""
        value = self.fields[name].prepare_value(stored)
        for key in (self.add_initial_prefix(name), *([self.add_prefix(name)] if and_the_field else [])):
            if isinstance(self.fields[name], forms.ModelMultipleChoiceField | forms.MultipleChoiceField):
                self.data.setlist(key, [str(one) for one in value or ()])
            else:
                self.data[key] = "" if value is None else str(value)

    def _moved(self, field: forms.Field, *, shown: Any, now: Any) -> str:
        return (
            f"This is {described(field, now)} by now; it was {described(field, shown)} when you opened this. "
            "Nothing was saved. Save again if your value should replace it."
        )


class ShownModelForm(ShownValues, forms.ModelForm):
    """The form of every screen that changes a row by Django's own page or list."""

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | (set(self.fields) - self.touched)  # type: ignore[misc]


def comparable(field: forms.Field, value: Any) -> Any:
    """A value of a field, drawn, sent or stored, in one form for all three."""
    if isinstance(field, forms.ModelMultipleChoiceField | forms.MultipleChoiceField):
        return sorted(str(field.prepare_value(one)) for one in value or () if one not in field.empty_values)
    if isinstance(field, forms.ModelChoiceField | forms.ChoiceField):
        value = field.prepare_value(value)
    else:
        with suppress(ValidationError):  # the field refuses it in its own words
            value = field.to_python(value)
        if isinstance(field, forms.EmailField) and isinstance(value, str):
            value = normalize_email(value)  # shown as people write it, stored as servers do
    return "" if value is None or value in field.empty_values else str(value).replace("\r\n", "\n")


def described(field: forms.Field, value: Any) -> str:
    """A comparable value in words."""
    if isinstance(value, list):
        return ", ".join(described(field, one) for one in value) or "empty"
    if isinstance(field, forms.BooleanField):
        return "on" if value == "True" else "off"
    if not value:
        return "empty"
    if isinstance(field, forms.DateField):
        return moments.day(date.fromisoformat(value))
    if isinstance(field, forms.ModelChoiceField):
        offered: Any = field.queryset
        row = offered.filter(pk=value).first() if value.isascii() and value.isdecimal() else None
        return f"“{field.label_from_instance(row)}”" if row is not None else "another choice"
    if isinstance(field, forms.ChoiceField):
        choices: Any = field.choices
        return f"“{dict(choices).get(value, value)}”"
    value = as_people_write(value) if isinstance(field, forms.EmailField) else value
    return f"“{value if len(value) <= 100 else value[:99] + '…'}”"


def _value_of(field: forms.Field, stored: Any) -> Any:
    """What a clean form holds where the field is as it is stored."""
    if stored is None:
        return field.to_python(None)  # of a text the empty one
    if not isinstance(field, forms.ModelChoiceField) or isinstance(stored, Model | QuerySet):
        return stored
    offered: Any = field.queryset
    if isinstance(stored, list | tuple):
        return offered.model._base_manager.filter(pk__in=stored)
    return offered.model._base_manager.filter(pk=stored).first()
