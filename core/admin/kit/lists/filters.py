"""Filters that offer, and follow, only what the viewer may see. Screens make them by `choice_filter`,
`related_filter` and `team_filter`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django import forms
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import AutocompleteSelect
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.contrib.filters.admin import DropdownFilter
from unfold.contrib.filters.forms import AutocompleteDropdownForm

from core.admin.kit.viewer import viewer_of
from core.models import Team, User

UNKNOWN = "not found"  # of a value that is none, or not for the viewer to see
Condition = Q | Callable[[Any], QuerySet]  # what the rows fulfil, or a function that picks them
Choices = Mapping[str, str | tuple[str, Condition]]  # value -> what it is called, and what the rows fulfil


def key_of(value: str | None) -> int | None:
    """A key from an address; None for what cannot be one."""
    return int(value) if value and value.isdecimal() and len(value) < 19 else None


class ChoiceFilter(DropdownFilter):
    """A few fixed choices: see `choice_filter`."""

    offered: Choices | Callable[[User], Choices] | None
    field: str
    matching: Callable[[Any, str], QuerySet] | None
    unset: tuple[str, str, Condition] | None
    only_where_set: bool

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        offered: Any = self.offered(viewer_of(request)) if callable(self.offered) else self.offered
        if offered is None:
            offered = dict(model_admin.model._meta.get_field(self.field).flatchoices)
        self.meant: Choices = {} if self.only_where_set and not self.value() else offered
        return [
            (value, said[0] if isinstance(said, tuple) else str(said)) for value, said in self.meant.items()
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if self.unset is not None and (not value or value == self.unset[0]):
            return _narrowed(queryset, self.unset[2])
        if not value:
            return queryset
        said = self.meant.get(value)
        if said is None:
            return queryset.none()
        if isinstance(said, tuple):
            return _narrowed(queryset, said[1])
        return self.matching(queryset, value) if self.matching else queryset.filter(**{self.field: value})

    def value_shown(self) -> str:
        """What the choice is called, for a chip above the list."""
        return str(dict(self.lookup_choices).get(self.value(), UNKNOWN))


def _narrowed(queryset: QuerySet, condition: Condition) -> QuerySet:
    return queryset.filter(condition) if isinstance(condition, Q) else condition(queryset)


def choice_filter(
    parameter: str,
    offered: Choices | Callable[[User], Choices] | None = None,
    *,
    title: str = "",
    field: str = "",
    matching: Callable[[Any, str], QuerySet] | None = None,
    unset: tuple[str, str, Condition] | None = None,
    only_where_set: bool = False,
) -> type[ChoiceFilter]:
    """Returns a filter with a few choices, read from `parameter` of the list's address.

    `offered` says what can be chosen, for everybody or as a function of the viewer: value -> (what it is
    called, what the rows fulfil), or value -> what it is called, where `field` holds the value or `matching`
    picks the rows. Without `offered` it is the choices of the model's field. `title` and `field` are called
    like the parameter where nothing else is said.

    `unset` is what the list shows while nothing is chosen: a value for addresses that say so, what it is
    called, what the rows fulfil. `only_where_set`: not offered, but followed where a page leads to it.
    """
    settings: dict[str, Any] = {
        "title": title or parameter,
        "parameter_name": parameter,
        "offered": offered if offered is None or isinstance(offered, Mapping) else staticmethod(offered),
        "field": field or parameter,
        "matching": staticmethod(matching) if matching else None,
        "unset": unset,
        "only_where_set": only_where_set,
    }
    if unset is not None:
        settings["all_option"] = ("", unset[1])
    return type("ChoiceFilter", (ChoiceFilter,), settings)


class RelatedFilter(SimpleListFilter):
    """Choose one row of another model, found by typing: see `related_filter`.

    A row that the viewer may not see is not offered, not named, and asking for it by its id finds nothing:
    otherwise the answer would tell who belongs to it.
    """

    template = "unfold/filters/filters_field.html"
    form_class = AutocompleteDropdownForm  # Unfold takes the scripts of the page from here
    foreign_key: tuple[type[Model], str]  # a field, of any model, whose choices are offered
    matching: Callable[[Any, Any, User], QuerySet] | None

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
        if self.target is None:
            return queryset.none()
        if self.matching is not None:
            return self.matching(queryset, self.target, self.viewer)
        return queryset.filter(**{self.foreign_key[1]: self.target})

    @cached_property
    def target(self) -> Any:
        """The row that is asked for, if the viewer may see it."""
        key = key_of(self.value())
        return self.targets(self.viewer).filter(pk=key).first() if key is not None else None

    def value_shown(self) -> str:
        """The row's name, for a chip above the list."""
        return UNKNOWN if self.target is None else str(self.target)

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


def related_filter(
    model: Any,
    field: str,
    *,
    title: str = "",
    matching: Callable[[Any, Any, User], QuerySet] | None = None,
) -> type[RelatedFilter]:
    """Returns a filter that finds a row by typing, among those that `field` of `model` points to.

    `matching` picks the rows of the list, given the row that was chosen and the viewer, who may see it.
    Without it, `field` is one of the list's own model.
    """
    settings = {
        "title": title or field,
        "parameter_name": field,
        "foreign_key": (model, field),
        "matching": staticmethod(matching) if matching else None,
    }
    return type("RelatedFilter", (RelatedFilter,), settings)


def team_filter(through: Any, whose: str, *, rows: str = "pk") -> type[RelatedFilter]:
    """Returns the filter by team of a list, which finds what belongs to a team that the viewer may see.

    `through` is the model that joins teams to something, `whose` its foreign key to that. `rows` is where a
    row of the list has it, if it is not the row itself.
    """

    def matching(queryset: Any, team: Team, viewer: User) -> QuerySet:
        found: QuerySet = queryset.filter(**{f"{rows}__in": through.objects.filter(team=team).values(whose)})
        return found

    return related_filter(through, "team", matching=matching)
