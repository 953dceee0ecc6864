"""Where the person who asked for a page may go from it: links lead nowhere else.

A name whose page would answer 404 or 403 is shown without a link. All links of a page are asked about
together, one query for each kind of object.
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
    """What one request may lead to."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self._asked: dict[type[Model], set[Any]] = defaultdict(set)
        self._known: dict[type[Model], dict[Any, bool]] = defaultdict(dict)
        self.read_once: dict[Any, Any] = {}  # what the rows of a page share

    def ask(self, obj: Model) -> None:
        """Note that `is_open` will be asked of it: the first answer brings all that were noted."""
        self._asked[type(obj)].add(obj.pk)

    def is_open(self, obj: Model) -> bool:
        """Whether the page of this object opens."""
        known = self._known[type(obj)]
        if obj.pk not in known:
            keys = self._asked.pop(type(obj), set()) | {obj.pk}
            opened = self._opened(type(obj), keys)
            known.update({key: key in opened for key in keys})
        return known[obj.pk]

    def shows(self, model: type[Model]) -> bool:
        """Whether the screen of a model opens, whatever rows it has."""
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
    """Of the request that is being answered; None outside of one, where nothing is open."""
    return _current.get()


def for_each_request(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable:
    """Middleware, since pages are drawn after their view has returned."""

    def answer(request: HttpRequest) -> HttpResponse:
        token = _current.set(OpenPages(request))
        try:
            return get_response(request)
        finally:
            _current.reset(token)

    return answer


def list_url(model: type[Model], query: str = "") -> str:
    """The address of a model's list; empty for somebody to whom it is closed."""
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
    """Superusers are changed by their like only: a list knows that without asking the database."""
    pages = current()
    return pages is not None and bool(getattr(pages.request.user, "is_superuser", False))
