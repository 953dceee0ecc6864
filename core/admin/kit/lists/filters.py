"""Filters that offer, and follow, only what the viewer may see."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.contrib.filters.admin import DropdownFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from core.admin.kit.viewer import viewer_of
from core.models import User

UNKNOWN = "not found"  # of a value that is none, or not for the viewer to see


def key_of(value: str | None) -> int | None:
    """A key from an address; None for what cannot be one."""
    return int(value) if value and value.isdecimal() and len(value) < 19 else None


class ChoiceFilter(DropdownFilter):
    """A few fixed choices. Subclasses give `choices_offered` and `matching`."""

    choices_offered: tuple[tuple[str, str], ...] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.choices_offered

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if not value:
            return queryset
        if value not in dict(self.lookup_choices):
            return queryset.none()
        return self.matching(queryset, value, viewer_of(request))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        raise NotImplementedError

    def value_shown(self) -> str:
        """What the choice is called, for a chip above the list."""
        return str(dict(self.lookup_choices).get(self.value(), UNKNOWN))


class RelatedFilter(SimpleListFilter):
    """Choose one row of another model, found by typing.

    A row that the viewer may not see is not offered, not named, and asking for it by its id finds nothing:
    otherwise the answer would tell who belongs to it.
    """

    template = "unfold/filters/filters_field.html"
    form_class = AutocompleteDropdownForm  # Unfold takes the scripts of the page from here
    foreign_key: tuple[type[Model], str]  # a field, of any model, whose choices are offered

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any):
        super().__init__(request, params, model, model_admin)
        self.viewer = viewer_of(request)
        self.site = model_admin.admin_site

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return True

    def targets(self, viewer: User) -> QuerySet:
        related = self._field().related_model
        return self.site._registry[related].limit(related._default_manager.all(), viewer)

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if not self.value():
            return queryset
        return queryset.none() if self.target is None else self.matching(queryset, self.target)

    @cached_property
    def target(self) -> Any:
        """The row that is asked for, if the viewer may see it."""
        key = key_of(self.value())
        return self.targets(self.viewer).filter(pk=key).first() if key is not None else None

    def value_shown(self) -> str:
        """The row's name, for a chip above the list."""
        return UNKNOWN if self.target is None else str(self.target)

    def matching(self, queryset: QuerySet, target: Any) -> QuerySet:
        """The rows that belong to the target, which the viewer may see: those that name it, where
        `foreign_key` is a field of the list's own model."""
        return queryset.filter(**{self.foreign_key[1]: target})

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        name = self.parameter_name or ""
        form = forms.Form(data={name: key_of(self.value())})
        form.fields[name] = forms.ModelChoiceField(
            label=f"By {self.title}",
            required=False,
            queryset=self.targets(self.viewer),
            widget=AutocompleteSelect(
                self._field(), self.site, attrs={"class": "unfold-filter-autocomplete"}
            ),
        )
        yield {"form": form}

    def _field(self) -> Any:
        model, name = self.foreign_key
        return model._meta.get_field(name)
