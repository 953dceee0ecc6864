"""Pickers: form fields that find a choice by typing, for any number of choices."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.db.models import Field, QuerySet
from django.http import JsonResponse, QueryDict
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.kit.dialogs.choice_labels import RELATED, in_one_line, label
from core.admin.kit.lists.filters import key_of, words_of
from core.models import User

NO_ROW = "0"  # a primary key that no row has
PAGE, MOST_PAGES = 20, 500
LISTED = 200  # choices that stand in the page itself
NOT_ALL_LISTED = (
    f"The list has the first {LISTED} choices. To find the others by typing, switch on JavaScript in the "
    "browser."
)


class Picker(AutocompleteSelect):
    """Finds a choice by typing. `url` is where it searches: the form's own URL, which offers what the form
    accepts. Without `url` it uses the shared search, which offers everything that the viewer may see."""

    url = ""
    listed: Sequence[tuple[str, str]] = ()  # keys and labels that stand in the page, for use without scripts
    lists_all = True

    def get_url(self) -> str:
        return self.url or super().get_url()

    def optgroups(self, name: str, value: Any, attr: Any = None) -> Any:
        groups = super().optgroups(name, value, attr)
        if not self.listed:
            return groups
        options = groups[0][1]
        there = {str(option["value"]) for option in options}
        missing = [(key, text) for key, text in self.listed if key not in there]
        options += [self.create_option(name, key, text, False, 0) for key, text in missing]
        if "" not in there and not self.allow_multiple_selected:  # a browser would choose the first one
            options.insert(0, self.create_option(name, "", "", False, 0))
        return groups

    def render(self, *args: Any, **kwargs: Any) -> SafeString:
        drawn = super().render(*args, **kwargs)
        if self.lists_all:
            return drawn
        return format_html('{}<noscript><p class="dialog-hint">{}</p></noscript>', drawn, NOT_ALL_LISTED)


class PickerOfMany(Picker, AutocompleteSelectMultiple):
    pass


class PickingForm(forms.Form):
    """A form with pickers. Values that cannot be primary keys are refused like unknown ones."""

    def __init__(self, data: QueryDict | None = None, **kwargs: Any) -> None:
        super().__init__(_without_wrong_keys(data, self.base_fields), **kwargs)
        # The choices that a picker offers, if they are fewer than the field accepts. When two people choose
        # the same at the same moment, the second one gets the form's own message.
        self.offered: dict[str, QuerySet] = {}
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField):
                # The list opens inside the field's container, which grows. Otherwise the dialog's edge would
                # cut it off, and it would cover the buttons.
                # Not `self[name]`, which would keep the help text of now: forms set theirs afterwards.
                identifier = str(self.auto_id) % self.add_prefix(name)
                field.widget.attrs["data-dropdown-parent"] = f":has(> #{identifier})"
                field.label_from_instance = in_one_line  # type: ignore[assignment, method-assign]

    def set_search_url(self, url: str) -> None:
        """Let the pickers search at this URL of the form (see `search_results`)."""
        for name, field in self.fields.items():
            if isinstance(field.widget, Picker):
                field.widget.url = f"{url}?pick={name}"

    def list_choices(self) -> None:
        """Put the first choices of the pickers into the page, so that they work without scripts."""
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField) and isinstance(field.widget, Picker):
                first = list(self._choices_of(name, field)[: LISTED + 1])
                labels: Any = field.label_from_instance
                field.widget.listed = [(str(row.pk), labels(row)) for row in first[:LISTED]]
                field.widget.lists_all = len(first) <= LISTED

    def _choices_of(
        self, name: str, field: forms.ModelChoiceField, words: Any = (), viewer: Any = None
    ) -> Any:
        rows = self.offered.get(name, field.queryset)
        assert rows is not None
        screen: Any = admin.site._registry[rows.model]
        found = screen.search(rows, words, viewer) if words else rows
        found = found.order_by(*rows.model._meta.ordering)
        return found.select_related(*RELATED.get(rows.model, ()))

    def search_results(self, parameters: Mapping[str, str], viewer: User) -> JsonResponse | None:
        """Returns the choices of the field `pick` that match the words `term`, in the format that the
        script of the pickers expects. None for a field without a picker."""
        field = self.fields.get(parameters["pick"])
        if not isinstance(field, forms.ModelChoiceField) or not isinstance(field.widget, Picker):
            return None
        found = self._choices_of(parameters["pick"], field, words_of(parameters["term"]), viewer)
        start = (min(key_of(parameters["page"]) or 1, MOST_PAGES) - 1) * PAGE
        shown = list(found[start : start + PAGE + 1])
        results = [{"id": str(row.pk), "text": label(row)} for row in shown[:PAGE]]
        return JsonResponse({"results": results, "pagination": {"more": len(shown) > PAGE}})


def _without_wrong_keys(data: QueryDict | None, fields: dict[str, forms.Field]) -> QueryDict | None:
    """Replace values that cannot be primary keys by 0, which matches no row. Django's fields would pass them
    to the database, which fails for numbers that are too large and for words."""
    if data is None:
        return None
    data = data.copy()
    for name, field in fields.items():
        if isinstance(field, forms.ModelChoiceField) and name in data:
            sent = data.getlist(name)
            data.setlist(name, [key if not key or key_of(key) is not None else NO_ROW for key in sent])
    return data


def picker(field: Any, *, multiple: bool = False) -> forms.Widget:
    """Returns a picker for the rows of a foreign key (`Membership.team`). The form field's queryset decides
    what is accepted and, in a dialog, what is offered."""
    related: Field = field.field  # the class attribute is the descriptor `Model.foreign_key`
    widget = PickerOfMany if multiple else Picker
    return widget(
        related, admin.site, attrs={"data-theme": "admin-autocomplete", "class": "admin-autocomplete"}
    )
