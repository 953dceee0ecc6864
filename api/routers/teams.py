"""Teams, seats and groups: lists to read."""

from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from pydantic import Field

from api import versions
from api.authentication import ApiRequest, Bearer
from api.documentation import example, responses
from api.filters import Key
from api.paging import Page, PageQuery, listed, sorted_by
from api.resources import groups, seats, teams
from api.resources.groups import GroupOut
from api.resources.seats import SeatOut
from api.resources.teams import TeamOut
from api.types import Id
from core.folding import email_key
from core.models import GroupAssignment, Seat, SeatAssignment, Team, ThinkificGroup, User
from core.models.fields.folded import holding

router = Router(tags=["Teams, seats and groups"])
TEAMS = Bearer("teams:read", "core.view_team")
SEATS = Bearer("seats:read", "core.view_seat")
GROUPS = Bearer("groups:read", "core.view_thinkificgroup")
TEAM_SORTS = {"id": "pk", "name": "name", "created_at": "created_at"}
SEAT_SORTS = {"id": "pk", "name": "name", "fill": "fill"}
GROUP_SORTS = {"id": "pk", "name": "name"}


class TeamPage(Page):
    data: list[TeamOut]


class OneTeam(Schema):
    data: TeamOut


class SeatPage(Page):
    data: list[SeatOut]


class OneSeat(Schema):
    data: SeatOut


class GroupPage(Page):
    data: list[GroupOut]


Term = Annotated[str | None, Field(max_length=255, description="A part of the name.")]


class TeamQuery(PageQuery):
    sort: Annotated[str, sorted_by(TEAM_SORTS)] = "id"
    search: Term = None
    owner: Annotated[str | None, Field(max_length=254, description="E-mail of the owner.")] = None
    organization_id: Key = None
    archived: Annotated[bool, Field(description="True: the archived teams.")] = False


class SeatQuery(PageQuery):
    sort: Annotated[str, sorted_by(SEAT_SORTS)] = "id"
    team_id: Key = None
    product_id: Key = None
    productable_id: Key = None
    active: bool | None = None
    state: Annotated[
        Literal["nearly_full", "over"] | None, Field(description="Nearly full, or over its places.")
    ] = None


class GroupQuery(PageQuery):
    sort: Annotated[str, sorted_by(GROUP_SORTS)] = "id"
    search: Term = None
    team_id: Key = None


def _teams(viewer: User) -> QuerySet[Team]:
    return Team.objects.visible_to(viewer).select_related("owner", "organization")


def _seats(viewer: User) -> Any:
    return Seat.objects.visible_to(viewer).select_related("product").defer("product__description")


def _named(rows: QuerySet, term: str | None) -> QuerySet:
    for word in (term or "").split():
        rows = rows.filter(holding("folded", word, rows.model))
    return rows


@router.get(
    "/teams",
    auth=TEAMS,
    response=responses(_200=TeamPage),
    summary="List teams",
    openapi_extra=example(_200={"data": [teams.EXAMPLE]}),
)
def list_teams(request: ApiRequest, query: Query[TeamQuery]) -> HttpResponse:
    """Returns the teams that the issuer of the token sees: a team manager those that they manage."""
    rows = _named(_teams(request.issuer), query.search).filter(archived_at__isnull=not query.archived)
    if query.owner is not None:
        rows = rows.filter(owner__email_key=email_key(query.owner))
    if query.organization_id is not None:
        rows = rows.filter(organization=query.organization_id)
    return listed(request, query, rows, teams.represent, sorts=TEAM_SORTS, sort=query.sort)


@router.get(
    "/teams/{int:id}",
    auth=TEAMS,
    response=responses(404, _200=OneTeam, _304=None),
    summary="View a team",
    openapi_extra=example(headers=("If-None-Match",), _200={"data": teams.EXAMPLE}),
)
def view_team(request: ApiRequest, id: Id) -> HttpResponse:
    """Returns one team by its id in the dashboard."""
    team = get_object_or_404(_teams(request.issuer), pk=id)
    return versions.read(request, teams.represent([team])[0])


@router.get(
    "/seats",
    auth=SEATS,
    response=responses(_200=SeatPage),
    summary="List seats",
    openapi_extra=example(_200={"data": [seats.EXAMPLE]}),
)
def list_seats(request: ApiRequest, query: Query[SeatQuery]) -> HttpResponse:
    """Returns pools of places with how many are used. `max_seats` and `available` are null for a seat without
    a limit. The name of a seat is internal: a team manager's token sees the product's name instead."""
    rows, viewer = _seats(request.issuer), request.issuer
    if query.state is not None:
        rows = rows.over() if query.state == "over" else rows.full_or_nearly()
    if query.team_id is not None:
        shown = Team.objects.visible_to(viewer).filter(pk=query.team_id)
        rows = rows.filter(pk__in=SeatAssignment.objects.filter(team__in=shown).values("seat"))
    if query.product_id is not None:
        rows = rows.filter(product=query.product_id)
    if query.productable_id is not None:
        rows = rows.filter(product__productable_id=query.productable_id)
    if query.active is not None:
        rows = rows.filter(active=query.active)
    sorts = SEAT_SORTS if viewer.sees_everything else SEAT_SORTS | {"name": "product__name"}
    return listed(
        request, query, rows, lambda page: seats.represent(page, viewer), sorts=sorts, sort=query.sort
    )


@router.get(
    "/seats/{int:id}",
    auth=SEATS,
    response=responses(404, _200=OneSeat, _304=None),
    summary="View a seat",
    openapi_extra=example(headers=("If-None-Match",), _200={"data": seats.EXAMPLE}),
)
def view_seat(request: ApiRequest, id: Id) -> HttpResponse:
    """Returns one seat by its id in the dashboard."""
    seat = get_object_or_404(_seats(request.issuer), pk=id)
    return versions.read(request, seats.represent([seat], request.issuer)[0])


@router.get(
    "/groups",
    auth=GROUPS,
    response=responses(_200=GroupPage),
    summary="List groups",
    openapi_extra=example(_200={"data": [groups.EXAMPLE]}),
)
def list_groups(request: ApiRequest, query: Query[GroupQuery]) -> HttpResponse:
    """Returns Thinkific's groups with the teams that they are assigned to, each with its direction."""
    viewer = request.issuer
    rows = _named(ThinkificGroup.objects.visible_to(viewer).filter(removed_at__isnull=True), query.search)
    if query.team_id is not None:
        shown = Team.objects.visible_to(viewer).filter(pk=query.team_id)
        rows = rows.filter(pk__in=GroupAssignment.objects.filter(team__in=shown).values("group"))
    return listed(
        request, query, rows, lambda page: groups.represent(page, viewer), sorts=GROUP_SORTS, sort=query.sort
    )
