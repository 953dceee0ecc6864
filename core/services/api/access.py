"""Access of a user of the published API to a product: the seat of the personal team on it."""

from typing import Any

from django.db import transaction

from core.errors import Refusal
from core.models import Product, Seat, SeatAssignment, SiteSettings, Team, User
from core.services import seats
from core.services.api import rights, users
from core.services.seats.changes import SEAT_NAME_LENGTH
from core.services.tags import default_seat_tags


def check(by: User) -> None:
    """Raises NotAllowed for whoever may change no seat, before anything is said about the product."""
    rights.check(by, "seats.edit")


class SharedSeat(Refusal):
    """Several teams have the seat, and a call about one user would change it for all of them."""

    status = 409


@transaction.atomic
def give(
    user: User, product: Product, *, active: bool, max_seats: int, enrollment_days: int, by: User
) -> Seat:
    """Give the user so many places on a product; `enrollment_days` holds for whoever is enrolled from now on
    (0: no expiry). Not active: nobody new can be enrolled, and enrollments stay. The same call again changes
    nothing. Raises SharedSeat, and NotAllowed."""
    values: dict[str, Any] = {"active": active, "unlimited": False, "max_seats": max_seats}
    team, seat = _seat(user, product, by)
    if seat is None:
        return _made(team, product, by, **values, **_ends_after(enrollment_days, None))
    return seats.update(seat, by=by, **values, **_ends_after(enrollment_days, seat))


@transaction.atomic
def add(
    user: User, product: Product, *, active: bool, add_seats: int, enrollment_days: int, by: User
) -> Seat:
    """Add places; the first call makes the seat with them. `active` and `enrollment_days` are overwritten. An
    unlimited seat stays unlimited. Raises as `give`, and Refusal for too many places."""
    check(by)
    team = users.team_of(user, by=by)
    return add_to_team(
        team, product, active=active, add_seats=add_seats, enrollment_days=enrollment_days, by=by
    )


def add_to_team(
    team: Team, product: Product, *, active: bool, add_seats: int, enrollment_days: int | None, by: User
) -> Seat:
    """`add` for a team, in the caller's transaction. `enrollment_days` None: the seat keeps its rule, and a
    new one gets that of the settings."""
    check(by)
    seat = _seat_of(team, product, by)
    if seat is None:
        ends = usual_end() if enrollment_days is None else _ends_after(enrollment_days, None)
        return _made(team, product, by, active=active, max_seats=add_seats, **ends)
    seat = seats.add_places(seat, add_seats, by=by)
    ends = {} if enrollment_days is None else _ends_after(enrollment_days, seat)
    return seats.update(seat, by=by, active=active, **ends)


def usual_end() -> dict[str, Any]:
    """Returns the rule for the end of access that the settings suggest for a new seat."""
    settings = SiteSettings.load()
    return {
        "expiry_type": settings.default_expiry_kind,
        "expiry_days": settings.default_enrollment_days,
        "expiry_date": settings.default_expiry_date,
    }


def _seat(user: User, product: Product, by: User) -> tuple[Team, Seat | None]:
    """Returns the personal team and its seat on the product, locked; None when there is none yet."""
    check(by)
    team = users.team_of(user, by=by)
    return team, _seat_of(team, product, by)


def _seat_of(team: Team, product: Product, by: User) -> Seat | None:
    """Returns the team's seat on the product, locked; None when there is none yet. Raises SharedSeat."""
    assignment = SeatAssignment.objects.filter(team=team, product=product).first()
    if assignment is None:
        rights.check(by, "seats.create", "seats.assign")
        return None
    seat = Seat.objects.select_for_update(of=("self",)).get(pk=assignment.seat_id)
    if SeatAssignment.objects.filter(seat=seat).exclude(team=team).exists():
        raise SharedSeat(
            f"Other teams share this seat of {team} on {product}. Change it in the dashboard, or give {team} "
            "a seat of its own there."
        )
    return seat


def _made(team: Team, product: Product, by: User, **values: Any) -> Seat:
    name = f"{team}: {product}"[:SEAT_NAME_LENGTH]
    seat = seats.create(name=name, product=product, tags=default_seat_tags(), by=by, **values)
    seats.assign(seat, [team], by=by)
    return Seat.objects.get(pk=seat.pk)


def _ends_after(days: int, seat: Seat | None) -> dict[str, Any]:
    """Returns the rule for the end of access. A seat whose access never ends says 0 days already."""
    if seat is not None and days == 0 and seat.expiry_type == Seat.Expiry.NEVER:
        return {}
    return {"expiry_type": Seat.Expiry.DAYS, "expiry_days": days, "expiry_date": None}
