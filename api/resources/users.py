"""Users as the API shows them, and their access to products."""

from collections.abc import Collection
from typing import Any

from ninja import Schema

from api.answers import moment
from core.models import Seat, SeatAssignment, User
from core.services.api import personal_team


class UserOut(Schema):
    """A user. What a team manager's token may not see of somebody is null."""

    id: int
    name: str
    email: str
    max_seats: int | None
    used_seats: int | None
    thinkific_id: int | None
    created_at: str | None
    updated_at: str | None


class AccessOut(Schema):
    """What a user may enroll students in. `max_seats` null: no limit; `enrollment_days` 0: no expiry, null: a
    fixed day."""

    thinkific_id: int
    product_type: str
    active: bool
    max_seats: int | None
    used: int
    available: int | None
    enrollment_days: int | None


class UserWithAccess(UserOut):
    access: list[AccessOut]


EXAMPLE = {
    "id": 7,
    "name": "John Doe",
    "email": "j.doe@www.wooninja.io",
    "max_seats": 100,
    "used_seats": 12,
    "thinkific_id": None,
    "created_at": "2026-01-05T09:00:00Z",
    "updated_at": "2026-01-05T09:00:00Z",
}
ACCESS_EXAMPLE = {
    "thinkific_id": 1379051,
    "product_type": "Course",
    "active": True,
    "max_seats": 55,
    "used": 12,
    "available": 43,
    "enrollment_days": 365,
}


def represent(users: Collection[User], *, viewer: User) -> list[dict[str, Any]]:
    """Returns users as the API shows them to this viewer. Makes at most two queries."""
    teams = personal_team.of_each(users, viewer=viewer)
    own = {user.pk for user in users}
    if not viewer.sees_everything:
        own = set(User.objects.own_people_of(viewer).filter(pk__in=own).values_list("pk", flat=True))
    return [_one(user, teams.get(user.pk), whole=user.pk in own) for user in users]


def _one(user: User, team: Any, *, whole: bool) -> dict[str, Any]:
    """`whole` is false for a guest, of whom a team's viewer sees name and address only, as on the screens."""
    return {
        "id": user.pk,
        "name": f"{user.first_name} {user.last_name}".strip(),
        "email": user.email,
        "max_seats": team.max_members if team else None,
        "used_seats": team.students if team else 0 if whole else None,
        "thinkific_id": user.thinkific_id if whole else None,
        "created_at": moment(user.created_at) if whole else None,
        "updated_at": moment(user.updated_at) if whole else None,
    }


def access_of(user: User) -> list[dict[str, Any]]:
    """Returns the products that the user has seats on, by their numbers. Makes two queries."""
    team = personal_team.known(user)
    rows = SeatAssignment.objects.filter(team=team).select_related("seat", "product") if team else ()
    found = [_access(row) for row in rows]
    return sorted(found, key=lambda row: (row["thinkific_id"], row["product_type"]))


def _access(row: SeatAssignment) -> dict[str, Any]:
    seat = row.seat
    days = {Seat.Expiry.DAYS: seat.expiry_days, Seat.Expiry.NEVER: 0}
    return {
        "thinkific_id": row.product.productable_id,
        "product_type": row.product.productable_type,
        "active": seat.active,
        "max_seats": None if seat.unlimited else seat.max_seats,
        "used": seat.used_count,
        "available": seat.available,
        "enrollment_days": days.get(Seat.Expiry(seat.expiry_type)),
    }
