"""Which pages the viewer may open, so that pages contain no other links.

A name whose page would answer 404 or 403 is shown without a link. All links of a page are checked together,
with one query for each model.
"""

from collections import defaultdict
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from core.models import User


class OpenPages:
    """The pages that the viewer of one request may open."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self._asked: dict[type[Model], set[Any]] = defaultdict(set)
        self._known: dict[type[Model], dict[Any, bool]] = defaultdict(dict)
        self.page_cache: dict[Any, Any] = {}  # a cache for values that all rows of the page need

    def ask(self, obj: Model) -> None:
        """Announce that `is_open` will be called for this object: the first call then checks all announced
        ones."""
        self._asked[type(obj)].add(obj.pk)

    def is_open(self, obj: Model) -> bool:
        """Whether the viewer may open the page of this object."""
        known = self._known[type(obj)]
        if obj.pk not in known:
            keys = self._asked.pop(type(obj), set()) | {obj.pk}
            opened = self._opened(type(obj), keys)
            known.update({key: key in opened for key in keys})
        return known[obj.pk]

    def shows(self, model: type[Model]) -> bool:
        """Whether the viewer may open the list of a model."""
        screen = admin.site._registry.get(model)
        return screen is not None and self._viewer is not None and screen.has_view_permission(self.request)

    @property
    def _viewer(self) -> User | None:
        return self.request.user if isinstance(self.request.user, User) else None

    def _opened(self, model: type[Model], keys: set[Any]) -> set[Any]:
        viewer = self._viewer
        screen: Any = admin.site._registry.get(model)
        if viewer is None or screen is None or not self.shows(model):
            return set()
        if viewer.sees_everything:
            return keys
        rows = screen.limit(model._default_manager.filter(pk__in=keys), viewer)
        return set(rows.order_by().values_list("pk", flat=True))


_current: ContextVar[OpenPages | None] = ContextVar("open_pages", default=None)


def current() -> OpenPages | None:
    """Returns the OpenPages of the present request; None outside a request."""
    return _current.get()


def for_each_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """Middleware that sets `current`. It must be a middleware, as pages are rendered after their view
    returned."""

    def answer(request: HttpRequest) -> HttpResponse:
        token = _current.set(OpenPages(request))
        try:
            return get_response(request)
        finally:
            _current.reset(token)

    return answer


def list_url(model: type[Model], query: str = "") -> str:
    """Returns the address of a model's list; empty when the viewer may not open it."""
    pages = current()
    if pages is None or not pages.shows(model):
        return ""
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{query}" if query else url


def is_open(obj: Model) -> bool:
    pages = current()
    return pages is not None and pages.is_open(obj)


def viewer_sees_everything() -> bool:
    pages = current()
    return pages is not None and bool(getattr(pages.request.user, "sees_everything", False))


def viewer_is_superuser() -> bool:
    """Whether the viewer is a superuser: only superusers may change superusers. Makes no query."""
    pages = current()
    return pages is not None and bool(getattr(pages.request.user, "is_superuser", False))


def client_address() -> str:
    """Returns the address that the present request came from; empty outside a request."""
    pages = current()
    return pages.request.META.get("REMOTE_ADDR", "") if pages is not None else ""
