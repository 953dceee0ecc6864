"""What a list is limited to at the moment, each with the address of the list without it."""

from collections.abc import Collection
from typing import Any, NamedTuple

from django.contrib.admin.views.main import ORDER_VAR, SEARCH_VAR, ChangeList
from django.utils.http import urlencode
from django.utils.text import capfirst


class Chip(NamedTuple):
    label: str
    value: str
    without: str  # address


def chips(changelist: ChangeList) -> list[Chip]:
    """The words that are searched for, then each filter that is set. The filter says what its value is called
    to this viewer (core/admin/kit/lists/filters.py)."""
    shown = []
    if changelist.query:
        shown.append(Chip("Search", changelist.query, _without(changelist, [SEARCH_VAR])))
    specs: list[Any] = changelist.filter_specs
    for spec in specs:
        if spec.value():
            without = _without(changelist, spec.expected_parameters())
            shown.append(Chip(capfirst(str(spec.title)), spec.value_shown(), without))
    return shown


def nothing_set(changelist: ChangeList) -> str:
    """The address of the list without search and filters, in the same order."""
    return _without(changelist, set(changelist.filter_params) - {ORDER_VAR})


def _without(changelist: ChangeList, names: Collection[str]) -> str:
    """Not Django's own, which takes everything away that begins like one of the names. On the first page: it
    is another list."""
    kept = {
        name: values for name, values in changelist.filter_params.items() if name not in names and any(values)
    }
    return f"?{urlencode(sorted(kept.items()), doseq=True)}"
