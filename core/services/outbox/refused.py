"""What Thinkific refused, and how much waits: asked by the screens that try it again."""

from collections.abc import Collection
from typing import Any

from django.db.models import Count, QuerySet

from core.models import OutboxEntry, User

Status = OutboxEntry.Status


def of_kind(entity: str, keys: Collection[int] | None = None) -> QuerySet[OutboxEntry]:
    """The refused changes of one kind of object; with `keys`, of the objects that have these."""
    entries = OutboxEntry.objects.filter(status=Status.FAILED, entity=entity)
    return entries if keys is None else entries.filter(object_id__in=keys)


def of_object(obj: Any) -> QuerySet[OutboxEntry]:
    """All refused changes of a person, or of a bundle's enrollment with those of its courses."""
    if isinstance(obj, User):
        return OutboxEntry.objects.filter(status=Status.FAILED, person=obj)
    return of_kind("enrollment", [obj.pk, *obj.course_enrollments.values_list("pk", flat=True)])


def by_kind() -> list[tuple[str, int]]:
    """Each kind of object with refused changes, and how many it has."""
    failed = OutboxEntry.objects.filter(status=Status.FAILED).order_by("entity")
    return list(failed.values_list("entity").annotate(count=Count("pk")))


def count_waiting() -> int:
    """How many changes wait to be sent."""
    return OutboxEntry.objects.filter(status=Status.PENDING).count()
