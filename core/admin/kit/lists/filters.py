"""Filters of lists, limited to what the viewer may see. Screens create them with `choice_filter`,
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
from core.models import Organization, Team, User

MOST_WORDS = 6  # of a search
IDS = "filter_%s"  # of the filters' inputs: dialogs that open over the list have fields of the same names
UNKNOWN = "not found"  # label of a value that does not exist or that the viewer may not see
Condition = Q | Callable[[Any], QuerySet]  # a condition for the rows, or a function that filters them
Choices = Mapping[str, str | tuple[str, Condition]]  # value -> label, or (label, condition)


def key_of(value: str | None) -> int | None:
    """Returns the primary key in a text from a URL or form; None if it cannot be one."""
    return int(value) if value and value.isdecimal() and len(value) < 19 else None


def words_of(text: str) -> list[str]:
    """Returns the words of a search. PostgreSQL refuses NUL characters, and each word costs a condition."""
    return text.replace("\x00", "").split()[:MOST_WORDS]


class ChoiceFilter(DropdownFilter):
    """A few fixed choices: see `choice_filter`."""

    offered: Choices | Callable[[User], Choices] | None
    field: str
    matching: Callable[[Any, str], QuerySet] | None
    default: tuple[str, str, Condition] | None
    hidden_until_set: bool

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        offered: Any = self.offered(viewer_of(request)) if callable(self.offered) else self.offered
        if offered is None:
            offered = dict(model_admin.model._meta.get_field(self.field).flatchoices)
        self.available: Choices = {} if self.hidden_until_set and not self.value() else offered
        if not self.available and self.value():  # Django drops a filter without choices: it would show all
            return [(str(self.value()), UNKNOWN)]
        return [
            (value, choice[0] if isinstance(choice, tuple) else str(choice))
            for value, choice in self.available.items()
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        value = self.value()
        if self.default is not None and (not value or value == self.default[0]):
            return _filtered(queryset, self.default[2])
        if not value:
            return queryset
        choice = self.available.get(value)
        if choice is None:
            return queryset.none()
        if isinstance(choice, tuple):
            return _filtered(queryset, choice[1])
        return self.matching(queryset, value) if self.matching else queryset.filter(**{self.field: value})

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for one in super().choices(changelist):
            one["form"].auto_id = IDS
            yield one

    def value_label(self) -> str:
        """Returns the label of the choice, for a chip above the list."""
        return str(dict(self.lookup_choices).get(self.value(), UNKNOWN))


def _filtered(queryset: QuerySet, condition: Condition) -> QuerySet:
    return queryset.filter(condition) if isinstance(condition, Q) else condition(queryset)


def choice_filter(
    parameter: str,
    offered: Choices | Callable[[User], Choices] | None = None,
    *,
    title: str = "",
    field: str = "",
    matching: Callable[[Any, str], QuerySet] | None = None,
    default: tuple[str, str, Condition] | None = None,
    hidden_until_set: bool = False,
) -> type[ChoiceFilter]:
    """Returns a filter with a few choices. Its value is the `parameter` in the list's URL.

    `offered` maps values to (label, condition), or to a label: then rows whose `field` has the value are
    found, or the rows that `matching` returns. It may be a function of the viewer. Without `offered`, the
    choices of the model's field are offered. `title` and `field` default to the parameter.

    `default` applies when nothing is chosen: a value for URLs, a label, a condition. `hidden_until_set`: the
    filter is not offered, but works for links that contain it.
    """
    settings: dict[str, Any] = {
        "title": title or parameter,
        "parameter_name": parameter,
        "offered": offered if offered is None or isinstance(offered, Mapping) else staticmethod(offered),
        "field": field or parameter,
        "matching": staticmethod(matching) if matching else None,
        "default": default,
        "hidden_until_set": hidden_until_set,
    }
    if default is not None:
        settings["all_option"] = ("", default[1])
    return type("ChoiceFilter", (ChoiceFilter,), settings)


class RelatedFilter(SimpleListFilter):
    """Choose one row of another model with a picker: see `related_filter`.

    A row that the viewer may not see is not offered and not named, and a URL with its id finds nothing.
    Otherwise the result would reveal who belongs to it.
    """

    template = "unfold/filters/filters_field.html"
    form_class = AutocompleteDropdownForm  # Unfold includes its scripts in the page
    foreign_key: tuple[type[Model], str]  # a model and its foreign key, whose rows are offered
    matching: Callable[[Any, Any, User], QuerySet] | None
    sitewide = False

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[Model], model_admin: Any):
        super().__init__(request, params, model, model_admin)
        self.viewer = viewer_of(request)
        self.site = model_admin.admin_site

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return []

    def has_output(self) -> bool:
        return not self.sitewide or self.viewer.sees_everything

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
        """Returns the row in the URL, if the viewer may see it."""
        key = key_of(self.value())
        return self.targets(self.viewer).filter(pk=key).first() if key is not None else None

    def value_label(self) -> str:
        """Returns the row's name, for a chip above the list."""
        return UNKNOWN if self.target is None else str(self.target)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        name = self.parameter_name or ""
        form = forms.Form(data={name: key_of(self.value())}, auto_id=IDS)
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
    """Returns a filter with a picker for the rows that the foreign key `field` of `model` refers to.

    `matching(rows of the list, chosen row, viewer)` returns the filtered rows. Without it, `field` must be a
    field of the list's own model.
    """
    settings = {
        "title": title or field,
        "parameter_name": field,
        "foreign_key": (model, field),
        "matching": staticmethod(matching) if matching else None,
    }
    return type("RelatedFilter", (RelatedFilter,), settings)


def team_filter(through: Any, whose: str, *, rows: str = "pk") -> type[RelatedFilter]:
    """Returns the filter of a list by a team that the viewer may see.

    `through` is the model that connects teams to objects, and `whose` its foreign key to the object. `rows`
    is the lookup from a row of the list to the object, if it is not the row itself.
    """

    def matching(queryset: Any, team: Team, viewer: User) -> QuerySet:
        found: QuerySet = queryset.filter(**{f"{rows}__in": through.objects.filter(team=team).values(whose)})
        return found

    return related_filter(through, "team", matching=matching)


def organization_filter(matching: Callable[[Any, QuerySet[Team]], QuerySet]) -> type[RelatedFilter]:
    """Returns the filter of a list by an organization, for viewers who see organizations.

    `matching(rows of the list, teams)` returns the rows that belong to these teams. They are the teams that
    the organization's figures are about, so that a figure leads to a list with as many rows.
    """

    def of_teams(queryset: Any, organization: Organization, viewer: User) -> QuerySet:
        return matching(queryset, organization.teams.current())

    found = related_filter(Team, "organization", matching=of_teams)
    found.sitewide = True
    return found
