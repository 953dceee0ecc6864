"""Base of screens whose model has a history."""

from typing import Any

from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from core.admin.kit import recorded
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.cells import detail_url
from core.admin.kit.lists.filters import key_of
from core.admin.kit.lists.lists import BoundedPaginator
from core.admin.kit.viewer import viewer_of
from core.permissions import scope

PER_PAGE = 50


class HistoryAdmin(DashboardAdmin):
    keeps_history = True

    def has_view_history_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """For administrators only: old values can contain teams and people that a team manager may not
        see."""
        return scope.holds_for_the_site(viewer_of(request), "core.view_history")

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().page_context(request), "show_history": self.has_view_history_permission(request)}

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Shows all changes of one object, the newest first, also after the object was deleted."""
        key = key_of(object_id)
        if key is None or not self.has_view_history_permission(request):
            raise Http404
        kind = recorded.RECORDED[str(self.opts.model_name)]
        page = BoundedPaginator(kind.rows().filter(id=key), PER_PAGE).get_page(request.GET.get("p"))
        changes = recorded.shown([(kind, row) for row in page])
        obj = self.get_object(request, str(key))
        if obj is None and not changes:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {obj if obj is not None else changes[0]['name']}",
            "opts": self.opts,
            "original": obj,
            "changes": changes,
            "page": page,
            "object_url": detail_url(obj) if obj is not None else "",
            "object_name": str(obj),
            **(extra_context or {}),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "dashboard/object_history.html", context)
