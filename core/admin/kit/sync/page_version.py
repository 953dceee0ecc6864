"""Digests of what an open page shows, to find out whether it is still up to date.

A page contains the digest of the moment when it was rendered, and polls for the present one
(project/pages/live.py). If they differ, the page loads its content again, once.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import BinaryField, Field, JSONField, QuerySet
from django.http import HttpRequest

from core.admin.kit.lists.filters import key_of
from core.admin.kit.lists.lists import CappedCount
from core.admin.kit.sync.sync_line import UnsentChanges, unsent_changes_of
from core.admin.kit.tab_rows import PER_PAGE, Asked
from core.admin.kit.tabs import Tab
from core.admin.kit.viewer import viewer_of

MOST_ROWS = 200
LEFT_OUT = {"password", "description"}  # not shown, or long
Shown = dict[str, str]  # for the page: `address`, the query to poll with, and `digest`


def of_object(
    request: HttpRequest, model_admin: Any, obj: Any, unsent: UnsentChanges | None, tab: Tab | None
) -> Shown:
    """Returns address and digest of a detail page, including the present page of the open tab."""
    asked = {"object": f"{obj._meta.label_lower}.{obj.pk}"}
    if tab is not None:
        asked |= Asked(tab, request.GET).parameters(p=str(_number(request.GET.get("p"))))
    return {"address": urlencode(asked), "digest": _object_digest(request, model_admin, obj, unsent, tab)}


def of_rows(request: HttpRequest, model_admin: Any, keys: Iterable[Any]) -> Shown:
    """Returns address and digest of a page of a list with these rows (primary keys)."""
    keys = list(keys)
    asked = {"object": model_admin.opts.label_lower, "rows": ",".join(map(str, keys))}
    return {"address": urlencode(asked), "digest": _rows_digest(request, model_admin, keys)}


def digest_now(request: HttpRequest) -> str:
    """Returns the present digest of the page that polls; empty when the viewer may no longer see it."""
    model_admin, key = _found(request.GET.get("object", ""))
    if model_admin is None or not model_admin.has_view_permission(request):
        return ""
    if key is None:
        asked_for = request.GET.get("rows", "").split(",")[:MOST_ROWS]
        return _rows_digest(request, model_admin, [pk for pk in map(key_of, asked_for) if pk is not None])
    obj = model_admin.get_queryset(request).filter(pk=key).first()
    if obj is None:
        return ""
    viewer = viewer_of(request)
    slug = request.GET.get("tab", "")
    tabs = (tab for tab in model_admin.tabs if isinstance(tab, Tab))  # forms are not refreshed
    tab = next((tab for tab in tabs if tab.slug == slug and tab.is_shown(obj, viewer)), None)
    unsent = unsent_changes_of(obj, viewer) if model_admin.shows_sync else None
    return _object_digest(request, model_admin, obj, unsent, tab)


def _found(name: str) -> tuple[Any, int | None]:
    """Returns the screen and the primary key for a name like `core.user.12`; without a key it is a list."""
    label, _, last = name.rpartition(".")
    key = key_of(last)
    wanted = name if key is None else label
    screens = {model._meta.label_lower: screen for model, screen in admin.site._registry.items()}
    screen: Any = screens.get(wanted)
    return (screen if hasattr(screen, "shows_sync") else None), key


def _object_digest(
    request: HttpRequest, model_admin: Any, obj: Any, unsent: UnsentChanges | None, tab: Tab | None
) -> str:
    shown: list[Any] = [getattr(obj, name) for name in _columns(obj)]
    shown += [getattr(obj, name, None) for name in model_admin.get_queryset(request).query.annotations]
    shown.append(unsent and unsent.facts)
    if tab is not None:
        start = (_number(request.GET.get("p")) - 1) * PER_PAGE
        rows = Asked(tab, request.GET).rows(obj, viewer_of(request))
        shown += _values(rows)[start : start + PER_PAGE]
    return _digest(shown)


def _rows_digest(request: HttpRequest, model_admin: Any, keys: list[Any]) -> str:
    rows = model_admin.get_queryset(request).filter(pk__in=keys).order_by("pk")
    return _digest(list(_values(rows))) if keys else _digest([])


def _values(rows: QuerySet) -> QuerySet:
    """Returns the values of rows without counts, which are slow to compute."""
    computed = [name for name, found in rows.query.annotations.items() if not isinstance(found, CappedCount)]
    return rows.prefetch_related(None).values_list(*_columns(rows.model), *computed)


def _columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if _is_watched(field)]


def _is_watched(field: Field) -> bool:
    return not isinstance(field, JSONField | BinaryField) and field.name not in LEFT_OUT


def _digest(shown: list[Any]) -> str:
    return blake2b(repr(shown).encode(), digest_size=8).hexdigest()


def _number(text: str | None) -> int:
    return min(max(1, key_of(text) or 1), 1_000_000)
