"""Forms that show stored values and save only the fields that the user changed.

Between showing and sending a form, a pull, an event or another user may store a newer value. So the form also
sends the values that it showed (Django's "hidden initial" inputs), and three values are compared for each
field: shown, sent, and stored now.

- Sent is the shown value: the user has not changed the field. The stored value stays.
- Sent is another value, and the stored value is the shown one: the sent value is saved.
- Sent is another value, and the stored value has changed: refused, with both values beside the field. The
  form then counts the newer value as shown, so that sending it again replaces it.

A request without the shown values (from a script) is treated as if the form had just been shown.
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
    """A mixin, named before the form class. It protects every visible field except those with a first value
    that is not stored: see `suggest`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.touched: set[str] = set()  # fields that the user changed; set by `full_clean`
        self._sent_data: Any = self.data
        self.data: Any
        for field in self.fields.values():
            field.show_hidden_initial = not field.widget.is_hidden and not field.disabled

    def suggest(self, name: str, value: Any) -> None:
        """Give a field a first value that is not stored anywhere, for the user to keep or change."""
        self.fields[name].initial = value
        self.fields[name].show_hidden_initial = False

    @property
    def is_unchanged(self) -> bool:
        """Whether the form shows only stored values and the user changed none of them."""
        visible = [field for field in self.fields.values() if not field.widget.is_hidden]
        shown = [field for field in visible if field.show_hidden_initial]
        return bool(shown) and shown == visible and not self.touched

    @cached_property
    def changed_data(self) -> list[str]:
        """Returns the names of changed fields. Django uses it for forms of models."""
        if (
            self.empty_permitted
        ):  # an extra row of a formset: Django asks before it is cleaned, because it may be empty
            bound: dict[str, Any] = {name: self[name] for name in self.fields}
            return [name for name, one in bound.items() if one._has_changed()]
        return [name for name in self.fields if name in self.touched] if self.errors is not None else []

    def full_clean(self) -> None:
        self.touched = set()
        self.__dict__.pop("changed_data", None)
        if self.is_bound:
            self.data = self._sent_data.copy()
        super().full_clean()

    def _clean_fields(self) -> None:
        super()._clean_fields()  # type: ignore[misc]
        for name, field in self._protected():
            stored = self.get_initial_for_field(field, name)
            now, shown = comparable(field, stored), self._shown(name, field, stored)
            sent = comparable(field, self._raw(name, field))
            if sent in (shown, now):
                if now:  # the user need not correct a stored value, but must fill in a missing one
                    self.errors.pop(name, None)
                if name not in self.errors:
                    self.cleaned_data[name] = _value_of(field, stored)
                self._show(name, stored, and_the_field=True)
                continue
            self.touched.add(name)
            if now != shown and name not in self.errors:
                self.add_error(name, self._conflict_message(field, shown=shown, now=now))
            self._show(name, stored)

    def _protected(self) -> Iterator[tuple[str, forms.Field]]:
        return ((name, field) for name, field in self.fields.items() if field.show_hidden_initial)

    def _raw(self, name: str, field: forms.Field) -> Any:
        return field.widget.value_from_datadict(self._sent_data, self.files, self.add_prefix(name))

    def _shown(self, name: str, field: forms.Field, stored: Any) -> Any:
        key = self.add_initial_prefix(name)
        if key in self._sent_data:
            raw = field.hidden_widget().value_from_datadict(self._sent_data, self.files, key)
            return comparable(field, raw)
        # A multiple choice that was empty sends nothing. The question of a dialog, or another field, tells
        # whether the form was shown at all.
        was_shown = "asked" in self._sent_data or any(
            self.add_initial_prefix(other) in self._sent_data for other, _ in self._protected()
        )
        return comparable(field, None if was_shown else stored)

    def _show(self, name: str, stored: Any, *, and_the_field: bool = False) -> None:
        """Let the form show the stored value if it is shown again."""
        value = self.fields[name].prepare_value(stored)
        for key in (self.add_initial_prefix(name), *([self.add_prefix(name)] if and_the_field else [])):
            if isinstance(self.fields[name], forms.ModelMultipleChoiceField | forms.MultipleChoiceField):
                self.data.setlist(key, [str(one) for one in value or ()])
            else:
                self.data[key] = "" if value is None else str(value)

    def _conflict_message(self, field: forms.Field, *, shown: Any, now: Any) -> str:
        return (
            f"This is {described(field, now)} now. It was {described(field, shown)} when you opened this. "
            "Nothing was saved. Save again to replace it by your value."
        )


class ShownModelForm(ShownValues, forms.ModelForm):
    """The form of the screens that use Django's own page or list to change rows."""

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | (set(self.fields) - self.touched)  # type: ignore[misc]


def comparable(field: forms.Field, value: Any) -> Any:
    """Returns a shown, sent or stored value of a field in one format, so that they can be compared."""
    if isinstance(field, forms.ModelMultipleChoiceField | forms.MultipleChoiceField):
        return sorted(str(field.prepare_value(one)) for one in value or () if one not in field.empty_values)
    if isinstance(field, forms.ModelChoiceField | forms.ChoiceField):
        value = field.prepare_value(value)
    else:
        with suppress(ValidationError):  # the field reports the error itself
            value = field.to_python(value)
        if isinstance(field, forms.EmailField) and isinstance(value, str):
            value = normalize_email(value)  # domains are shown readable, and stored as servers use them
    return "" if value is None or value in field.empty_values else str(value).replace("\r\n", "\n")


def described(field: forms.Field, value: Any) -> str:
    """Returns a comparable value in words."""
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
    """Returns the stored value in the form that `cleaned_data` has."""
    if stored is None:
        return field.to_python(None)  # "" for a text
    if not isinstance(field, forms.ModelChoiceField) or isinstance(stored, Model | QuerySet):
        return stored
    offered: Any = field.queryset
    if isinstance(stored, list | tuple):
        return offered.model._base_manager.filter(pk__in=stored)
    return offered.model._base_manager.filter(pk=stored).first()
