"""The name of the object that a waiting change is about."""

from typing import Any

from django.apps import apps
from django.db.models import Case, CharField, F, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Cast, Concat
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.admin.kit import cells
from core.models import Enrollment, GroupMembership, OutboxEntry, ThinkificGroup

ENTITIES = {
    "user": "User",
    "enrollment": "Enrollment",
    "thinkificgroup": "Group",
    "groupmembership": "Group member",
}


def with_names(entries: QuerySet[OutboxEntry]) -> QuerySet[OutboxEntry]:
    """Annotate `thing`: the name of an enrollment's course, of a membership's group, or of a group. Empty
    when the object was deleted here."""
    same = OuterRef("object_id")
    number = Cast("product__productable_id", CharField())
    product = Case(
        When(product__name="", then=Concat("product__productable_type", Value(" "), number)),
        default=F("product__name"),
    )
    products = Enrollment.objects.filter(pk=same).order_by().annotate(called=product).values("called")
    members = GroupMembership.objects.filter(pk=same).order_by().values("group__name")
    groups = ThinkificGroup.objects.filter(pk=same).order_by().values("name")
    return entries.annotate(
        thing=Case(
            When(entity="enrollment", then=Subquery(products)),
            When(entity="groupmembership", then=Subquery(members)),
            When(entity="thinkificgroup", then=Subquery(groups)),
            output_field=CharField(),
        )
    )


def entity_name(entity: str) -> str:
    return ENTITIES.get(entity, capfirst(entity))


def about(entry: Any) -> SafeString:
    """Returns the object's name, as a link if it still exists, and below it the kind."""
    kind = entity_name(entry.entity)
    if entry.thinkific_id is not None:  # deleted here, to be deleted in Thinkific
        return cells.text(f"{kind} {entry.object_id}, deleted here; {entry.thinkific_id} in Thinkific")
    name = name_of(entry)
    if not name:
        return cells.text(f"{kind} {entry.object_id}, which no longer exists here")
    return format_html(
        '<span class="cell-two">{}<span class="cell-second">{}</span></span>', _link(entry, name), kind
    )


def name_of(entry: Any) -> str:
    if entry.entity == "thinkificgroup":
        return entry.thing or ""
    if entry.person is None:
        return entry.thing or ""
    if entry.entity == "user":
        return str(entry.person)
    return f"{entry.person} in {entry.thing}" if entry.thing else ""


def _link(entry: OutboxEntry, name: str) -> SafeString:
    if entry.entity == "groupmembership" and entry.person is not None:
        return cells.link(entry.person, name)
    try:
        return cells.link(apps.get_model("core", entry.entity)(pk=entry.object_id), name)
    except (LookupError, NoReverseMatch):
        return cells.text(name)
