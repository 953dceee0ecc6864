"""Chips above a list: the present search and filters, each with a link that removes it."""

from collections.abc import Collection
from typing import Any, NamedTuple

from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR, ChangeList
from django.utils.http import urlencode
from django.utils.text import capfirst


class Chip(NamedTuple):
    label: str
    value: str
    without: str  # URL of the list without this filter


def chips(changelist: ChangeList) -> list[Chip]:
    """Returns the search, then each active filter with the name of its value for this viewer
    (core/admin/kit/lists/filters.py)."""
    shown = []
    if changelist.query:
        shown.append(Chip("Search", changelist.query, _without(changelist, [SEARCH_VAR])))
    specs: list[Any] = changelist.filter_specs
    for spec in specs:
        if spec.value():
            without = _without(changelist, spec.expected_parameters())
            shown.append(Chip(capfirst(str(spec.title)), spec.value_label(), without))
    return shown


def reset_url(changelist: ChangeList) -> str:
    """Returns the URL of the list without search and filters, in the same order."""
    return _without(changelist, set(changelist.filter_params) - {ORDER_VAR})


def _without(changelist: ChangeList, names: Collection[str]) -> str:
    """Returns the URL without these parameters and without a page number. Django's own function is not used,
    because it also removes parameters that only begin with one of the names."""
    kept = {
        name: values for name, values in changelist.filter_params.items() if name not in names and any(values)
    }
    return f"?{urlencode(sorted(kept.items()), doseq=True)}"
