"""What is exported: the rows of a list or of a tab, for one viewer, with the search, the filters and the
order of an address.

Whoever asks (a page, the worker, a command) gets the rows in the same way: the rights are checked each time,
and every part of the rows is read within what the viewer may see at that moment.
"""

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.messages.storage.base import BaseStorage
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, QueryDict
from django.utils.text import capfirst, slugify

from core.admin.kit.exports.columns import FileColumn, all_columns, columns_of_list, reading, same
from core.admin.kit.lists.columns import Reads
from core.admin.kit.lists.filters import key_of
from core.admin.kit.tab_rows import Asked
from core.admin.kit.tabs import Tab
from core.models import User
from core.services.storage.bulk import among

TOGETHER = 2000  # rows that are read at once


@dataclass(frozen=True)
class Listing:
    kind: str  # "enrollments", or "teams-users" for a tab
    title: str
    columns: list[FileColumn]
    rows: QuerySet  # filtered and sorted
    # Returns rows with the related objects and annotations that the columns need.
    prepare: Callable[[QuerySet], QuerySet]
    query: str = ""  # the address' search, filters and order
    object_id: int | None = None  # of the page that has the tab

    @property
    def is_limited(self) -> bool:
        """Whether a search or a filter leaves some rows out."""
        return any(name not in {"o", "p", "tab"} for name in QueryDict(self.query))

    def count(self, most: int) -> int:
        """Returns the number of rows; `most` + 1 means more."""
        return self.rows.order_by().values("pk")[: most + 1].count()

    def chosen(self, keys: Sequence[str]) -> list[FileColumn]:
        """Returns the columns with these keys, in the order of the list; without keys those that are seen."""
        wanted = set(keys)
        return [one for one in self.columns if (one.key in wanted if wanted else one.seen)]

    def keys(self) -> "array[int]":
        """Returns the primary keys of the rows, in their order: eight bytes for each."""
        return array("q", self.rows.values_list("pk", flat=True).iterator(chunk_size=10 * TOGETHER))

    def values(self, columns: Sequence[FileColumn], keys: "array[int]") -> Iterator[Sequence[Any]]:
        """Yields the values of the columns for each of these rows, as they are now. Those that are gone, or
        that the viewer may no longer see, are left out.

        No statement is open while others write: SQLite would refuse the writer.
        """
        rows = self.prepare(self.rows).order_by()
        reads = reading([one.column for one in columns], rows)
        fields = list(dict.fromkeys(name for one in reads or () for name in one.fields))
        if reads is not None:
            rows = rows.prefetch_related(None).values_list("pk", *fields)
        for start in range(0, len(keys), TOGETHER):
            part = keys[start : start + TOGETHER]
            some = rows.filter(among("pk", part))
            if reads is None:
                found = {row.pk: row for row in some}
                yield from ([one.column.value(found[key]) for one in columns] for key in part if key in found)
            else:
                read = {row[0]: row for row in some}
                yield from _computed(reads, ["pk", *fields], [read[key] for key in part if key in read])


def _computed(reads: list[Reads], names: list[str], rows: list[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Yields the values of each row, computed column by column: most columns are as they were read."""
    read = dict(zip(names, zip(*rows, strict=True), strict=False))
    if not rows:
        return
    values = (
        read[one.fields[0]] if one.compute is same else map(one.compute, *(read[name] for name in one.fields))
        for one in reads
    )
    yield from zip(*values, strict=True)


def request_of(viewer: User, query: str = "") -> HttpRequest:
    """Returns a request of the viewer for rows only. Screens ask a request who the viewer is."""
    request = HttpRequest()
    request.method = "GET"
    request.GET = QueryDict(query)
    request.user = viewer
    # Lists say here what is wrong with an address.
    request._messages = BaseStorage(request)  # type: ignore[attr-defined]
    return request


def of_list(screen: Any, viewer: User, query: str = "") -> Listing:
    """Returns what the list shows. Raises PermissionDenied, or Http404 for an address that means nothing."""
    request = request_of(viewer, query)
    if not screen.has_export_permission(request):
        raise PermissionDenied
    try:
        rows = screen.get_changelist_instance(request).queryset
    except (IncorrectLookupParameters, DisallowedModelAdminLookup) as error:
        raise Http404 from error
    if request._messages.added_new:  # type: ignore[attr-defined]  # the list would show all rows
        raise Http404
    names, seen = screen.names_in_file(request)
    return Listing(
        kind=kind_of(screen),
        title=screen.list_title(request),
        columns=columns_of_list(screen, names, seen),
        rows=rows,
        prepare=lambda rows: screen.export_rows(request, rows),
        query=query,
    )


def of_tab(screen: Any, viewer: User, object_id: Any, slug: str, query: str = "") -> Listing:
    """Returns what a tab of an object's page shows. Raises PermissionDenied, or Http404."""
    request = request_of(viewer, query)
    obj = screen.get_or_404(request, object_id)
    tab = next((one for one in screen.tabs if one.slug == slug), None)
    if not isinstance(tab, Tab) or not screen.has_view_permission(request, obj):
        raise Http404
    if not tab.is_shown(obj, viewer) or not tab.is_exported(obj, viewer):
        raise PermissionDenied
    return Listing(
        kind=f"{kind_of(screen)}-{slug}",
        title=f"{tab.title} of {obj}",
        columns=all_columns([(one, True) for one in tab.export], ()),
        rows=Asked(tab, request.GET).rows(obj, viewer),
        prepare=lambda rows: rows,
        query=query,
        object_id=obj.pk,
    )


def narrowed(listing: Listing, chosen: str) -> Listing:
    """Returns the listing with the chosen rows only: "4.8.15", by their keys. Empty: all of them."""
    keys = [key for part in chosen.split(".") if (key := key_of(part)) is not None]
    return replace(listing, rows=listing.rows.filter(pk__in=keys)) if chosen else listing


def kind_of(screen: Any) -> str:
    return slugify(str(screen.opts.verbose_name_plural))


def exporting_screens() -> dict[str, Any]:
    """Returns the screens whose lists are exported, by their kinds."""
    screens = admin.site._registry.values()
    return {kind_of(one): one for one in screens if hasattr(one, "has_export_permission")}


def find(kind: str, viewer: User, *, query: str = "", object_id: int | None = None) -> Listing:
    """Returns what a stored request or a command asks for. Raises PermissionDenied, or Http404."""
    screens = exporting_screens()
    if object_id is None:
        if kind not in screens:
            raise Http404
        return of_list(screens[kind], viewer, query)
    for screen in admin.site._registry.values():
        for tab in getattr(screen, "tabs", ()):
            if f"{kind_of(screen)}-{tab.slug}" == kind:
                return of_tab(screen, viewer, object_id, tab.slug, query)
    raise Http404


def name_of_file(listing: Listing) -> str:
    return slugify(capfirst(listing.title))[:60] or listing.kind
