"""Base of screens whose model has a history."""

from typing import Any
from urllib.parse import urlencode

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
SEEN_WITH = {
    "usertag": "user",
    "seattag": "seat",
    "invitation": "team",
    "signuplink": "team",
    "shortlink": "team",
}


class HistoryAdmin(DashboardAdmin):
    keeps_history = True

    def has_view_history_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """For administrators only: old values can contain teams and people that a team manager may not
        see."""
        return scope.holds_for_the_site(viewer_of(request), "core.view_history")

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().page_context(request), "show_history": self.has_view_history_permission(request)}

    def _concerned(self, request: HttpRequest) -> dict[str, recorded.Recorded]:
        """Returns the kinds of objects that concern one of this model, such as the memberships of a user. Of
        those with a permission of their own, only what the viewer may see."""
        viewer = viewer_of(request)
        return {
            slug: kind
            for slug, kind in recorded.RECORDED.items()
            if kind.refers_by(self.model)
            and scope.holds_for_the_site(viewer, f"core.view_{SEEN_WITH.get(slug, slug)}")
        }

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Shows all changes of one object, the newest first, also after the object was deleted."""
        key = key_of(object_id)
        if key is None or not self.has_view_history_permission(request):
            raise Http404
        own = recorded.RECORDED[str(self.opts.model_name)]
        concerned = self._concerned(request)
        kind = concerned.get(request.GET.get("of", ""), own)
        rows = kind.rows().filter(**{"id" if kind is own else kind.refers_by(self.model): key})
        page = BoundedPaginator(rows, PER_PAGE).get_page(request.GET.get("p"))
        changes = recorded.shown([(kind, row) for row in page])
        obj = self.get_object(request, str(key))
        last = own.rows().filter(id=key).first() if obj is None else None
        if obj is None and last is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"History of {obj if obj is not None else _name(own, last)}",
            "kinds": [
                {"title": one.label if slug else "Own changes", "slug": slug, "active": one is kind}
                for slug, one in {"": own, **concerned}.items()
            ]
            if concerned
            else [],
            "of_one": kind is own,
            "pages_of": "" if kind is own else urlencode({"of": kind.slug}),
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


def _name(kind: recorded.Recorded, row: Any) -> str:
    names = recorded.Names()
    names.ask(row, kind.named_by)
    names.read()
    return kind.name(row, names)
