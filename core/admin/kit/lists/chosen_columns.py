"""Optional columns of a list. The choice is stored per user."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from core import acting
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.dialogs.htmx import next_url
from core.admin.kit.viewer import viewer_of
from core.models import ShownColumns, User


class ChosenColumns(DashboardAdmin):
    """A list with a button "Columns". Optional columns come before the last one, in the order given here, so
    that the column numbers in URLs of sorted lists stay valid."""

    optional_columns: ClassVar[Mapping[str, str]] = {}  # name of the column -> label of the choice

    def get_list_display(self, request: HttpRequest) -> Any:
        shown = super().get_list_display(request)
        return [*shown[:-1], *self.chosen_columns(request), *shown[-1:]]

    def chosen_columns(self, request: HttpRequest) -> list[str]:
        """Returns the names of the chosen columns. Cached on the request, because a list needs them several
        times."""
        if not hasattr(request, "chosen_columns"):
            rows = ShownColumns.objects.filter(user=viewer_of(request), screen=self.opts.label_lower)
            kept = rows.values_list("columns", flat=True).first() or []
            request.chosen_columns = [name for name in self.optional_columns if name in kept]  # type: ignore[attr-defined]
        return request.chosen_columns  # type: ignore[attr-defined]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Adds `column_choices` to the list, for the template of the button."""
        changelist: Any = super().get_changelist_instance(request)
        chosen = self.chosen_columns(request)
        options = [(name, label, name in chosen) for name, label in self.optional_columns.items()]
        changelist.column_choices = {
            "url": reverse(self._columns_address),
            "options": options,
            "any": bool(chosen),
        }
        return changelist

    @property
    def _columns_address(self) -> str:
        return f"admin:{self.opts.app_label}_{self.opts.model_name}_columns"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.choose_columns)
        return [
            path("columns/", view, name=self._columns_address.removeprefix("admin:")),
            *super().get_urls(),
        ]

    def _store(self, viewer: User, asked: list[str]) -> None:
        ShownColumns.objects.update_or_create(
            user=viewer,
            screen=self.opts.label_lower,
            defaults={"columns": [name for name in self.optional_columns if name in asked]},
        )

    def choose_columns(self, request: HttpRequest) -> HttpResponse:
        """The view that stores the choice and redirects back to the list."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        if why := acting.obstacle("Which columns they see is their own choice."):
            messages.warning(request, why)
        else:
            self._store(viewer_of(request), request.POST.getlist("column"))
        the_list = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return HttpResponseRedirect(next_url(request) or the_list)
