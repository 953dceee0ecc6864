"""Lists that stay fast at any size: counting and paging stop at a limit, and sorting uses indexes."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR
from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import IntegerField, QuerySet, Subquery
from django.db.models.expressions import OrderBy
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.views import ChangeList

from core.admin.kit.lists.chips import chips, reset_url
from core.admin.kit.lists.pager import pager
from core.admin.kit.lists.sorting import KeyBeside, empty_last
from core.admin.kit.viewer import viewer_of
from core.permissions import scope

# Lists count and page up to this many rows. Nobody pages to row 500,000 instead of searching, and an OFFSET
# is as slow as reading all rows before it.
COUNTED = 10_000
FEW = 1000  # the most primary keys to pass to another query
TOTAL_KEPT_SECONDS = 300


def amount(count: int, limit: int = COUNTED) -> str:
    """Returns a count that may have stopped after `limit`: "812", "10,000+"."""
    return f"{limit:,}+" if count > limit else f"{count:,}"


class CappedCount(Subquery):
    """Counts the rows of a correlated queryset, up to COUNTED + 1.

    With `distinct`, it counts the different values of that column in those rows.
    """

    template = "(SELECT COUNT(*) FROM (%(subquery)s) AS capped)"
    distinct_template = '(SELECT COUNT(DISTINCT capped."%(distinct)s") FROM (%(subquery)s) AS capped)'
    output_field = IntegerField()

    def __init__(self, queryset: QuerySet, *, distinct: str = "") -> None:
        if distinct:
            self.template = self.distinct_template
        super().__init__(queryset.order_by().values(distinct or "pk")[: COUNTED + 1], distinct=distinct)


def table_total(queryset: QuerySet) -> int:
    """Returns about how many rows the queryset's table has: PostgreSQL's estimate, or a cached count."""
    table = queryset.model._meta.db_table
    connection = connections[queryset.db]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
            return cursor.fetchone()[0]
    total = cache.get_or_set(f"total:{table}", queryset.model._base_manager.count, TOTAL_KEPT_SECONDS)
    return total or 0


class BoundedPaginator(Paginator):
    """Counts and pages up to COUNTED rows, so that the last page is almost as fast as the first.

    For a page after the last one it shows the last one, so that bookmarks of lists that became shorter work.
    """

    template_name = "admin/dashboard/pagination.html"
    object_list: QuerySet

    @cached_property
    def counted(self) -> int:
        """Returns the number of rows; COUNTED + 1 means "more"."""
        rows = self.object_list.order_by()
        if rows.query.group_by is None:
            rows = rows.values("pk")  # otherwise the count computes the annotations of every row
        return rows[: COUNTED + 1].count()

    @cached_property
    def count(self) -> int:
        return min(self.counted, COUNTED)

    @property
    def is_cut(self) -> bool:
        return self.counted > COUNTED

    @cached_property
    def total_label(self) -> str:
        """Returns "812", "about 1,020,000" or "10,000+"."""
        if self.is_cut and not self.object_list.query.has_filters():
            total = table_total(self.object_list)
            if total > COUNTED:
                return f"about {_rounded(total):,}"
        return amount(self.counted, COUNTED)

    def validate_number(self, number: Any) -> int:
        try:
            return max(1, min(int(number), self.num_pages))
        except (TypeError, ValueError):
            return 1


def _rounded(total: int) -> int:
    """Rounds to three digits, because the number is an estimate."""
    unit = 10 ** max(0, len(str(total)) - 3)
    return round(total / unit) * unit


class BoundedChangeList(ChangeList):
    page_num: int

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        if not self.is_popup:
            self.title = self.model_admin.list_title(request)
        if not viewer_of(request).sees_everything and self.model_admin.team_search_help_text:
            self.search_help_text = self.model_admin.team_search_help_text
        # No column heading can show this order, so a text below the list does.
        self.newest_first = not self.params.get(ORDER_VAR) and list(self.model_admin.ordering) == ["-id"]
        self.chips = chips(self)
        self.reset_url = reset_url(self)
        # Only viewers who may start runs are told how.
        self.empty_how = self.model_admin.empty_how if scope.may_start_runs(viewer_of(request)) else ""

    def get_results(self, request: HttpRequest) -> None:
        """Reads one page in two queries: the first sorts and pages primary keys only, the second reads the
        rows with their counts and related objects."""
        paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        page = paginator.page(self.page_num)
        self.page_num = page.number
        self.paginator = paginator
        self.pager = pager(page, lambda number: self.get_query_string({PAGE_VAR: number}))
        self.keys = list(page.object_list.values_list("pk", flat=True))
        # Computed before the rows are read, so that the first poll finds changes in between.
        self.watched = self.model_admin.watched_rows(request, self.keys)
        self.result_list = self._rows(self.keys)
        self.result_count = paginator.count
        # The same number: otherwise Unfold shows "N results (Show all)" beside the title.
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = paginator.count > 0
        self.multi_page = paginator.num_pages > 1
        self.can_show_all = False

    def _rows(self, keys: list[Any]) -> QuerySet:
        if not keys:
            return self.root_queryset.none()
        rows = self.apply_select_related(self.root_queryset).filter(pk__in=keys)
        if self.model_admin.list_only:
            rows = rows.only(*self.model_admin.list_only)
        return rows.order_by(*self.queryset.query.order_by)

    def _get_deterministic_ordering(self, ordering: Sequence[Any]) -> list[Any]:
        """Returns the ordering with the primary key at its end, in the direction of the last column, so that
        an index on (column, id) works for both directions. Django would always append "-pk".

        Between the name of a related row and the primary key stands the related row's key: the database then
        walks the index on (name, id) of the related table and sorts only the rows of one related row."""
        keys = {"pk", "-pk", "id", "-id"}
        # Django adds the order that the list begins with, which no index has after another column.
        first = 0 if self.model_admin.few_rows else len(self.root_queryset.query.order_by)
        ordering = ordering[: len(ordering) - first] or ordering
        columns = [name for name in ordering if name not in keys]
        if not columns:
            return list(ordering[:1]) or ["-pk"]
        last = columns[-1]
        descending = last.startswith("-") if isinstance(last, str) else bool(last.descending)
        minus = "-" if descending else ""
        if self.model_admin.few_rows:
            columns = [self._empty_last(one) if isinstance(one, str) else one for one in columns]
        elif isinstance(last, str) and "__" in last:
            key = KeyBeside(last.removeprefix("-"))
            columns.append(key.desc() if descending else key.asc())
        return [*columns, f"{minus}pk"]

    def _empty_last(self, order: str) -> OrderBy:
        return empty_last(self.model, order.removeprefix("-"), descending=order.startswith("-"))
