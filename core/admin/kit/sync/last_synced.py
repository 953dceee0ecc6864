"""The time when an object was last compared with Thinkific, or sent to it."""

from datetime import datetime
from typing import Any

from core.admin.kit import open_pages
from core.models import Enrollment, OutboxEntry, Product, ThinkificGroup, User
from core.services.site import sync_state

KINDS = {User: "users", Product: "products", Enrollment: "enrollments"}


def last_synced(obj: Any) -> datetime | None:
    """Returns when the object was last synced; None for never. A pull that finds no difference does not write
    the object, so the end of the last complete run counts, if that began after the object was stored. The
    result is cached on the object."""
    if isinstance(obj, ThinkificGroup):
        return obj.last_synced_at  # each pull writes it, as there are few groups
    if not hasattr(obj, "_last_synced"):
        obj._last_synced = _moment(obj)
    found: datetime | None = obj._last_synced
    return found


def _moment(obj: Any) -> datetime | None:
    stored = _stored(obj)
    if stored is not None and obj.removed_at is None and _is_read(obj):
        with_graphql = isinstance(obj, Product) and obj.source == Product.Source.GRAPHQL
        success = _last_success(KINDS[type(obj)], with_graphql)
        if success is not None and stored < success.began_at:
            return success.ended_at
    return stored if stored is not None else _last_sent(obj)


def _last_success(kind: str, with_graphql: bool) -> sync_state.Success | None:
    """Returns the last complete run of a kind. Cached for the page, as a list asks for each of its rows."""
    page = open_pages.current()
    known: dict[Any, Any] = {} if page is None else page.page_cache
    key = ("last success", kind, with_graphql)
    if key not in known:
        known[key] = sync_state.last_success(kind, with_graphql=with_graphql)
    found: sync_state.Success | None = known[key]
    return found


def _stored(obj: Any) -> datetime | None:
    """Returns when values from Thinkific were last written to the object."""
    if isinstance(obj, Enrollment):  # enrollments have no `synced_at`
        if obj.origin != Enrollment.Origin.THINKIFIC:
            return _last_sent(obj)
        return obj.created_at
    found: datetime | None = obj.synced_at
    return found


def _is_read(obj: Any) -> bool:
    """Whether a pull of its kind reads the object."""
    if isinstance(obj, Product):
        return obj.source != Product.Source.ENROLLMENT
    return isinstance(obj, Enrollment) or obj.thinkific_id is not None


def _last_sent(obj: Any) -> datetime | None:
    """Returns when a change of the object was last sent to Thinkific."""
    if isinstance(obj, Product):
        return None
    done = OutboxEntry.objects.filter(entity=obj._meta.model_name, object_id=obj.pk, status="done")
    return done.order_by("-finished_at").values_list("finished_at", flat=True).first()
