"""Pages of a list: by number, as the published API has them, or by cursor, which costs the same at any depth.

A cursor is where the last page ended: the sorted value and the primary key of its last row, and a mark of the
list and its order, so that it fits no other. Rows that are added or deleted meanwhile move no other row to a
page that was read already.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, cast
from zlib import crc32

from django.core.exceptions import ValidationError
from django.db.models import F, Field, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Schema
from pydantic import ConfigDict
from pydantic import Field as Limits

from api.answers import answer
from api.errors import Invalid
from api.types import in_utc

PER_PAGE, MOST = 15, 100
DEEPEST = 1_000_000  # pages; a cursor has no end
Rows = Callable[[list[Any]], list[dict[str, Any]]]


class PageQuery(Schema):
    page: Annotated[int, Limits(ge=1, le=DEEPEST, description="The number of the page.")] = 1
    per_page: Annotated[int, Limits(ge=1, le=MOST, description="Rows on a page.")] = PER_PAGE
    cursor: Annotated[
        str | None,
        Limits(
            max_length=1000,
            description="Empty for the first page, then `meta.next_cursor`. Pages by cursor are not counted.",
        ),
    ] = None


def sorted_by(sorts: Mapping[str, str]) -> Any:
    """Returns what the schema says of `sort`; write `Annotated[str, sorted_by(SORTS)] = "id"`."""
    *others, last = sorts
    return Limits(
        description=f"{', '.join(others)} or {last}; with a minus the other way round.",
        json_schema_extra={"enum": [*sorts, *(f"-{name}" for name in sorts)]},
    )


class PageLinks(Schema):
    first: str | None = None
    last: str | None = None
    prev: str | None = None
    next: str | None = None


def _without_underscore(schema: dict[str, Any]) -> None:
    schema["properties"]["from"] = schema["properties"].pop("from_") | {"title": "From"}


class PageMeta(Schema):
    model_config = ConfigDict(json_schema_extra=_without_underscore)

    path: str
    per_page: int
    current_page: int | None = None
    from_: int | None = None
    to: int | None = None
    last_page: int | None = None
    total: int | None = None
    next_cursor: str | None = None


class Page(Schema):
    """A page of a list; each list adds its `data`."""

    links: PageLinks
    meta: PageMeta


def listed(
    request: HttpRequest,
    query: PageQuery,
    rows: QuerySet,
    represent: Rows,
    *,
    sorts: Mapping[str, str] | None = None,
    sort: str = "id",
    counted: Callable[[], int] | None = None,
) -> HttpResponse:
    """Returns one page of the rows. `represent` makes the objects of the answer of the rows of one page, with
    a constant number of queries. `sorts` are the columns by the names that `sort` may have; a minus before
    the name turns the order round. `counted` returns how many rows there are, where that is quicker than
    counting the rows. Raises Invalid."""
    column, backwards = _order(sorts or {"id": "pk"}, sort)
    if query.cursor is not None:
        return _by_cursor(request, query, rows, represent, column, backwards)
    ordered = rows.order_by(*_ordering(rows.model, column, backwards))
    total = rows.order_by().count() if counted is None else counted()
    last = max(1, -(-total // query.per_page))
    begin = (query.page - 1) * query.per_page
    page = list(ordered[begin : begin + query.per_page]) if begin < total else []

    def link(number: int) -> str:
        return _link(request, page=number)

    return answer(
        200,
        {
            "data": represent(page),
            "links": {
                "first": link(1),
                "last": link(last),
                "prev": link(min(query.page - 1, last)) if query.page > 1 else None,
                "next": link(query.page + 1) if query.page < last else None,
            },
            "meta": {
                "current_page": query.page,
                "from": begin + 1 if page else None,
                "last_page": last,
                "path": _path(request),
                "per_page": query.per_page,
                "to": begin + len(page) if page else None,
                "total": total,
            },
        },
    )


def _by_cursor(
    request: HttpRequest, query: PageQuery, rows: QuerySet, represent: Rows, column: str, backwards: bool
) -> HttpResponse:
    mark = crc32(f"{request.path.removesuffix('/')} {column} {backwards}".encode())
    if query.cursor:
        rows = rows.filter(_after(query.cursor, mark, column, "lt" if backwards else "gt", rows.model))
    page = list(rows.order_by(*_ordering(rows.model, column, backwards))[: query.per_page + 1])
    more, page = len(page) > query.per_page, page[: query.per_page]
    following = _cursor(page[-1], mark, column) if more else None
    return answer(
        200,
        {
            "data": represent(page),
            "links": {
                "first": _link(request, cursor=""),
                "last": None,
                "prev": None,
                "next": None if following is None else _link(request, cursor=following),
            },
            "meta": {"path": _path(request), "per_page": query.per_page, "next_cursor": following},
        },
    )


def _order(sorts: Mapping[str, str], sort: str) -> tuple[str, bool]:
    name = sort.removeprefix("-")
    if name not in sorts:
        raise Invalid(sort=f"The list can be sorted by: {', '.join(sorts)}. A minus turns the order round.")
    return sorts[name], sort.startswith("-")


def _ordering(model: type[Model], column: str, backwards: bool) -> list[Any]:
    """Returns the order by a column, then by the primary key; rows without a value stand last, both ways."""
    sign = "-" if backwards else ""
    if column == "pk":
        return [f"{sign}pk"]
    first: Any = f"{sign}{column}"
    if _field(model, column).null:
        first = F(column).desc(nulls_last=True) if backwards else F(column).asc(nulls_last=True)
    return [first, f"{sign}pk"]


def _value(row: Any, column: str) -> Any:
    if isinstance(row, Mapping):
        return row[column]
    for name in column.split("__"):
        row = getattr(row, name)
    return row


def _cursor(row: Any, mark: int, column: str) -> str:
    key = _value(row, "pk") if not isinstance(row, Mapping) else row.get("pk", row.get("id"))
    value = None if column == "pk" else _value(row, column)
    written = value.isoformat() if isinstance(value, datetime) else value
    text = json.dumps([mark, key] if column == "pk" else [mark, key, written], default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _after(cursor: str, mark: int, column: str, compare: str, model: type[Model]) -> Q:
    """Returns the condition for rows behind the cursor. Raises Invalid for one of another list."""
    try:
        marked, key, *rest = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if marked != mark or isinstance(key, bool) or not isinstance(key, int) or not -(2**63) <= key < 2**63:
            raise ValueError
        later = Q(**{f"pk__{compare}": key})
        if column == "pk":
            if rest:
                raise ValueError
            return later
        (value,) = rest
        field = _field(model, column)
        if value is None and field.null:
            return Q(**{f"{column}__isnull": True}) & later
        value = field.to_python(value)
        if value is None:
            raise ValueError
        if isinstance(value, datetime):
            value = in_utc(value)
        behind = Q(**{f"{column}__{compare}": value}) | later
        found = Q(**{f"{column}__{compare}e": value}) & behind
        return found | Q(**{f"{column}__isnull": True}) if field.null else found
    except (ValueError, TypeError, binascii.Error, RecursionError, ValidationError):
        raise Invalid(cursor="This is no cursor of this list. Begin with an empty one.") from None


def _field(model: type[Model], column: str) -> Field:
    *path, name = column.split("__")
    for step in path:
        model = cast(type[Model], model._meta.get_field(step).related_model)
    return cast(Field, model._meta.get_field(name))


def _path(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}{request.path.removesuffix('/')}"


def _link(request: HttpRequest, **changed: Any) -> str:
    query = request.GET.copy()
    for name in ("page", "cursor"):
        query.pop(name, None)
    for name, value in changed.items():
        query[name] = str(value)
    return f"{_path(request)}?{query.urlencode()}"
