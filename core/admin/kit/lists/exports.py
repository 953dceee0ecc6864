"""CSV export of a list: all rows, with the present filters, search and order."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from unfold.decorators import action

from core.admin.kit.base import DashboardAdmin
from core.admin.kit.lists.columns import Column
from core.admin.kit.lists.files import csv_file


class ExportingAdmin(DashboardAdmin):
    """A list with a button "Export CSV"."""

    actions_list: tuple[str, ...] = ("export_csv",)
    export_columns: Sequence[Column] = ()  # the file contains their values without HTML

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("core.export_reports") and self.has_view_permission(request)

    # It changes nothing, so it needs no dialog and a GET request is enough.
    @action(description="Export CSV", icon="download", permissions=["export"])
    def export_csv(self, request: HttpRequest) -> StreamingHttpResponse:
        try:
            queryset = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters as error:
            raise Http404 from error
        return self.as_file(request, queryset)

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Returns the rows with the related objects that the columns of the file need."""
        return queryset

    def as_file(self, request: HttpRequest, queryset: QuerySet) -> StreamingHttpResponse:
        rows = self.export_rows(request, queryset)
        return csv_file(str(self.opts.verbose_name_plural), self.export_columns, rows)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data and request.GET:
            # Unfold's button has no query string; the file must have the same filters as the list.
            for button in response.context_data.get("actions_list", []):
                if button["path"].endswith("/export_csv/"):
                    button["path"] += f"?{request.GET.urlencode()}"
        return response
