"""The base class of screens whose list is exported."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action

from core.admin.kit.base import DashboardAdmin
from core.admin.kit.exports import views
from core.admin.kit.exports.dialog import Export
from core.admin.kit.lists.columns import Column


def _export_button() -> Any:
    """Returns the button above the list. It opens the dialog over the list."""

    def export(model_admin: Any, request: HttpRequest) -> HttpResponse:
        return views.ask(model_admin, request)

    opener: Any = action(description=Export.label, icon=Export.icon, permissions=["export"])(export)
    opener.opens = Export
    opener.dialog = {"title": Export.label}
    return opener


class ExportingAdmin(DashboardAdmin):
    """A list with a button "Export". A file has the columns of the list (what stands for each, says its
    `in_file`), and `export_columns`."""

    actions_list: Any = ("export",)
    export_columns: Sequence[Column] = ()  # further columns, without HTML
    optional_columns: ClassVar[Any] = {}
    export = _export_button()

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("core.export_reports") and self.has_view_permission(request)

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """Returns the rows with the related objects and annotations that the columns of the file need."""
        return queryset

    def names_in_file(self, request: HttpRequest) -> tuple[list[str], Collection[str]]:
        """Returns the names of the list's columns, with the optional ones in their place, and of those the
        ones that the viewer sees."""
        seen = list(self.get_list_display(request))
        if not self.optional_columns:
            return seen, seen
        always = [name for name in seen[:-1] if name not in self.optional_columns]
        return [*always, *self.optional_columns, seen[-1]], seen

    @action(description="Export", permissions=["export"])
    def export_selected(self, request: HttpRequest, queryset: QuerySet) -> HttpResponse:
        """Opens the dialog for the chosen rows; for all rows of the list when all are chosen."""
        asked = request.GET.copy()
        if request.POST.get("select_across", "0") != "1":
            asked["chosen"] = ".".join(map(str, queryset.values_list("pk", flat=True)))
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_export")
        return HttpResponseRedirect(f"{address}?{asked.urlencode()}")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and response.context_data and request.GET:
            # Unfold's button has no query string; the file must have the same filters as the list.
            for button in response.context_data.get("actions_list", []):
                if button["path"].endswith("/export/"):
                    button["path"] += f"?{request.GET.urlencode()}"
        return response
