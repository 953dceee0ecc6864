"""Screens of things whose changes are recorded: who changed what, when, and as whom."""

from typing import Any

from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from simple_history.admin import SimpleHistoryAdmin

from core.admin.base import DashboardAdmin
from core.admin.viewer import viewer_of
from core.services import authority


class HistoryAdmin(SimpleHistoryAdmin, DashboardAdmin):
    object_history_list_template = "admin/dashboard/history_list.html"
    history_list_per_page = 50

    def has_view_history_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Old values name teams and people whom a manager may not know of: for administrators only."""
        return authority.holds_for_the_site(viewer_of(request), "core.view_history")

    def has_change_history_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def revert_disabled(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return True  # going back is a change like any other, made on the object's page

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().page_context(request), "show_history": self.has_view_history_permission(request)}

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_history_permission(request):
            raise Http404
        return SimpleHistoryAdmin.history_view(
            self, request, object_id, {"show_history": False, **(extra_context or {})}
        )

    def history_form_view(self, *args: Any, **kwargs: Any) -> HttpResponse:
        raise Http404  # a form that reverts, without the rules that a change goes through

    def get_history_queryset(self, *args: Any, **kwargs: Any) -> QuerySet:
        return super().get_history_queryset(*args, **kwargs).select_related("impersonator")
