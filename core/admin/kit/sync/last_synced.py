"""When an object was last compared with Thinkific, or told to it."""

from datetime import datetime
from typing import Any

from core.admin.kit import open_pages
from core.models import Enrollment, OutboxEntry, Product, ThinkificGroup, User
from core.services.site import sync_state

KINDS = {User: "users", Product: "products", Enrollment: "enrollments"}


def last_synced(obj: Any) -> datetime | None:
    """A pull that finds an object as it is writes nothing; so the last complete run of its kind counts, where
    the object was there when that began. Read once for a page."""
    if isinstance(obj, ThinkificGroup):
        return obj.last_synced_at  # groups are few: each pull writes it
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
    return stored if stored is not None else _told(obj)


def _last_success(kind: str, with_graphql: bool) -> sync_state.Success | None:
    """Read once for a page: a list asks for each of its rows."""
    page = open_pages.current()
    known: dict[Any, Any] = {} if page is None else page.read_once
    key = ("last success", kind, with_graphql)
    if key not in known:
        known[key] = sync_state.last_success(kind, with_graphql=with_graphql)
    found: sync_state.Success | None = known[key]
    return found


def _stored(obj: Any) -> datetime | None:
    """When Thinkific's word about the object was last written here."""
    if isinstance(obj, Enrollment):  # which keeps no such moment
        if obj.origin != Enrollment.Origin.THINKIFIC:
            return _told(obj)
        return obj.created_at
    found: datetime | None = obj.synced_at
    return found


def _is_read(obj: Any) -> bool:
    """Whether a pull of its kind meets it."""
    if isinstance(obj, Product):
        return obj.source != Product.Source.ENROLLMENT
    return isinstance(obj, Enrollment) or obj.thinkific_id is not None


def _told(obj: Any) -> datetime | None:
    """When something of ours about the object last reached Thinkific."""
    if isinstance(obj, Product):
        return None
    done = OutboxEntry.objects.filter(entity=obj._meta.model_name, object_id=obj.pk, status="done")
    return done.order_by("-finished_at").values_list("finished_at", flat=True).first()
