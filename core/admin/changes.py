"""Audit, History: who changed what, over everything whose changes are recorded, newest first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_GET

from core.admin.lists import BoundedPaginator
from core.admin.sitewide import sees_site
from core.models import (
    Enrollment,
    GroupAssignment,
    Invitation,
    Membership,
    Role,
    Seat,
    SeatAssignment,
    SiteSettings,
    Team,
    User,
)

PER_PAGE = 50
TYPES = {"+": "Added", "~": "Changed", "-": "Deleted"}


@dataclass(frozen=True)
class Recorded:
    """A kind of object with history: what is read with it, and what it is called."""

    model: Any
    name: Callable[[Any], str]
    related: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        return str(self.model._meta.model_name)

    @property
    def label(self) -> str:
        return str(self.model._meta.verbose_name_plural).capitalize()

    def rows(self) -> QuerySet:
        related = ("history_user", "impersonator", *self.related)
        rows: QuerySet = self.model.history.select_related(*related)
        return rows.order_by("-history_date", "-history_id")


RECORDED = {
    recorded.slug: recorded
    for recorded in [
        Recorded(User, lambda row: f"{row.first_name} {row.last_name}".strip() or row.email),
        Recorded(Team, lambda row: row.name),
        Recorded(Membership, lambda row: f"{row.user} in {row.team}", ("user", "team")),
        Recorded(Invitation, lambda row: f"{row.address} for {row.team}", ("team",)),
        Recorded(Role, lambda row: row.name),
        Recorded(Seat, lambda row: row.name),
        Recorded(SeatAssignment, lambda row: f"{row.seat} for {row.team}", ("seat", "team")),
        Recorded(Enrollment, lambda row: f"{row.user} in {row.product}", ("user", "product")),
        Recorded(GroupAssignment, lambda row: f"{row.group} for {row.team}", ("group", "team")),
        Recorded(SiteSettings, lambda row: "Settings"),
    ]
}


@require_GET
def history(request: HttpRequest) -> HttpResponse:
    """The newest changes of all kinds, or page by page of one."""
    if not sees_site(request, "core.view_history"):
        raise PermissionDenied
    chosen = RECORDED.get(request.GET.get("kind", ""))
    page = None
    if chosen is not None:
        page = BoundedPaginator(chosen.rows(), PER_PAGE).get_page(request.GET.get("p"))
        changes = [_shown(chosen, row) for row in page]
    else:
        newest = [(recorded, row) for recorded in RECORDED.values() for row in recorded.rows()[:PER_PAGE]]
        newest.sort(key=lambda pair: pair[1].history_date, reverse=True)
        changes = [_shown(recorded, row) for recorded, row in newest[:PER_PAGE]]
    context = {
        **admin.site.each_context(request),
        "title": "History",
        "kinds": RECORDED.values(),
        "chosen": chosen,
        "page": page,
        "changes": changes,
    }
    return TemplateResponse(request, "dashboard/history.html", context)


def _shown(recorded: Recorded, row: Any) -> dict[str, Any]:
    return {
        "row": row,
        "kind": str(recorded.model._meta.verbose_name).capitalize(),
        "what": TYPES.get(row.history_type, row.history_type),
        "name": _name(recorded, row),
        "url": _url(recorded, row),
    }


def _name(recorded: Recorded, row: Any) -> str:
    try:
        return recorded.name(row)
    except ObjectDoesNotExist:  # history outlives the people and teams that it names
        return f"{recorded.model._meta.verbose_name} {row.id}"


def _url(recorded: Recorded, row: Any) -> str:
    """The history of this one object, where it has a screen."""
    if row.history_type == "-":
        return ""
    try:
        return reverse(f"admin:core_{recorded.slug}_history", args=[row.id])
    except NoReverseMatch:
        return ""
