"""Seats as the API shows them."""

from collections.abc import Iterable
from typing import Any

from ninja import Schema

from api.answers import moment
from api.resources.named_product import EXAMPLE as PRODUCT
from api.resources.named_product import NamedProduct, named
from core.models import Seat, SeatAssignment, Team, User


class SeatTeam(Schema):
    id: int
    name: str


class SeatOut(Schema):
    id: int
    name: str
    product: NamedProduct
    teams: list[SeatTeam]
    unlimited: bool
    max_seats: int | None
    used: int
    available: int | None
    over: int
    expiry_type: str
    expiry_days: int | None
    expiry_date: str | None
    reusable: bool
    extendable: bool
    soft_limit: bool
    active: bool
    created_at: str


EXAMPLE = {
    "id": 9,
    "name": "Forklift 2026",
    "product": PRODUCT,
    "teams": [{"id": 3, "name": "Acme Warehouse"}],
    "unlimited": False,
    "max_seats": 55,
    "used": 12,
    "available": 43,
    "over": 0,
    "expiry_type": "days",
    "expiry_days": 365,
    "expiry_date": None,
    "reusable": False,
    "extendable": False,
    "soft_limit": False,
    "active": True,
    "created_at": "2026-01-05T09:00:00Z",
}


def represent(seats: Iterable[Seat], viewer: User) -> list[dict[str, Any]]:
    """Returns seats, which have their product; makes one query for their teams. Team users see the product's
    name instead of the seat's, which is internal, and only teams of theirs."""
    rows = list(seats)
    shown = Team.objects.visible_to(viewer)
    given = SeatAssignment.objects.filter(seat__in=[seat.pk for seat in rows], team__in=shown)
    teams: dict[int, list[dict[str, Any]]] = {}
    for seat, key, name in given.order_by("team__name", "team").values_list("seat", "team", "team__name"):
        teams.setdefault(seat, []).append({"id": key, "name": name})
    return [_seat(seat, teams.get(seat.pk, []), internal=viewer.sees_everything) for seat in rows]


def _seat(seat: Seat, teams: list[dict[str, Any]], *, internal: bool) -> dict[str, Any]:
    return {
        "id": seat.pk,
        "name": seat.name if internal else str(seat.product),
        "product": named(seat.product),
        "teams": teams,
        "unlimited": seat.unlimited,
        "max_seats": None if seat.unlimited else seat.max_seats or 0,
        "used": seat.used_count,
        "available": seat.available,
        "over": seat.over,
        "expiry_type": seat.expiry_type,
        "expiry_days": seat.expiry_days,
        "expiry_date": seat.expiry_date.isoformat() if seat.expiry_date else None,
        "reusable": seat.reusable,
        "extendable": seat.extendable,
        "soft_limit": seat.soft_limit,
        "active": seat.active,
        "created_at": moment(seat.created_at),
    }
