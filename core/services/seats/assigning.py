"""Giving seats to teams, and taking them back: shared as one pool, or as an independent copy of a template.

Enrollments stay in every case. Whose access a seat gave keeps its end date; without the seat the team no
longer sees that access and cannot change it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from core.errors import Refusal, names
from core.models import Membership, Seat, SeatAssignment, Team, User
from core.services import webhooks
from core.services.history import signed
from core.services.seats.changes import SEAT_NAME_LENGTH, add_places
from core.services.seats.counting import count_used, recalculate, users_of
from core.services.storage.collisions import checked_again
from core.services.tags import set_seat_tags
from core.wording import one_or_many, plural


class SecondSeat(Refusal):
    """A team has one seat per product at most."""

    status = 409


class NotMovable(Refusal):
    """So many places cannot be moved."""


class People(NamedTuple):
    """What happens to the people of a team that loses a seat."""

    using: int  # members of the team who use a place
    elsewhere: int  # of these, members of another team of the seat: they keep their place


@checked_again
def assign(seat: Seat, teams: Iterable[Team], *, by: User | None = None) -> list[SeatAssignment]:
    """Give a seat to teams, all or none; all its teams share one pool of places.

    Members who have the product already use a place at once, and may bring the seat over its maximum. Raises
    SecondSeat when a team has a seat on the product, and Refusal for an archived team.
    """
    receiving, seat = _receiving(teams, seat)
    made = _assigned([(team, seat) for team in receiving], SeatAssignment.Mode.SHARED, by)
    _recount([seat.pk])
    return made


@checked_again
def assign_copies(seat: Seat, teams: Iterable[Team], *, by: User | None = None) -> list[SeatAssignment]:
    """Give each team a seat of its own with the rules of this one, all or none. Later changes of this seat do
    not reach the copies. Raises as `assign`."""
    receiving, seat = _receiving(teams, seat)
    copies = [(team, _copy(seat, team, by=by)) for team in receiving]
    made = _assigned(copies, SeatAssignment.Mode.TEMPLATE, by)
    _recount([copy.pk for _, copy in copies])
    return made


@transaction.atomic
def withdraw(assignment: SeatAssignment, *, by: User | None = None) -> None:
    """Take a seat from a team. Its members keep their enrollments and leave the seat's count, unless another
    team of the seat has them."""
    seat = _locked(assignment.seat)
    signed(_again(assignment), by=by, reason="seat withdrawn").delete()
    _recount([seat.pk])


@checked_again
def move(assignment: SeatAssignment, *, to: Team, by: User | None = None) -> SeatAssignment:
    """Move a seat from its team to another one. Raises as `assign`, and Refusal for its own team."""
    if assignment.team_id == to.pk:
        raise Refusal(f"{to} has this seat already. Choose another team.")
    _, seat = _receiving([to], assignment.seat)
    assignment = _again(assignment)
    assignment.team = to
    signed(assignment, by=by, reason="moved to another team").save(update_fields=["team"])
    _recount([seat.pk])
    return assignment


@checked_again
def move_places(assignment: SeatAssignment, places: int, *, to: Team, by: User | None = None) -> Seat:
    """Move places from a team's seat to the seat of another team on the same product; a team without one gets
    a copy with these places. Returns the seat that received them. Raises Refusal when the seat has not so
    many unused places, or one of the two is unlimited."""
    if places < 1:
        raise NotMovable("Move at least one place.")
    if assignment.team_id == to.pk:
        raise Refusal(f"{to} has this seat already. Choose another team.")
    assignment = _again(assignment)
    there = SeatAssignment.objects.filter(team=to, product=assignment.product_id).first()
    keys = {assignment.seat_id, *([there.seat_id] if there else [])}
    locked = Seat.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk")
    seats = {seat.pk: seat for seat in locked}
    giving = seats[assignment.seat_id]
    if there and there.seat_id == giving.pk:
        raise Refusal(f"{to} shares this seat, so it can use the places already.")
    if giving.unlimited or (there and seats[there.seat_id].unlimited):
        raise NotMovable("An unlimited seat has no number of places, so none can be moved.")
    free = (giving.max_seats or 0) - count_used(Seat.objects.filter(pk=giving.pk)).get(giving.pk, 0)
    if places > free:
        raise NotMovable(
            f"The seat of {assignment.team} has {plural(max(0, free), 'unused place')}, and "
            f"{places:,} cannot be moved. Move fewer, or move the seat itself."
        )
    giving.max_seats = (giving.max_seats or 0) - places
    signed(giving, by=by, reason=f"{plural(places, 'place')} moved to {to}").save(update_fields=["max_seats"])
    webhooks.emit("seat.updated", [giving])
    if there:
        return add_places(seats[there.seat_id], places, by=by)
    _receiving([to], giving)
    copy = _copy(giving, to, places=places, by=by)
    _assigned([(to, copy)], SeatAssignment.Mode.TEMPLATE, by)
    _recount([copy.pk])
    return copy


def people_of(assignment: SeatAssignment) -> People:
    """Returns how many members of the team use the seat, and how many of them another team of it has."""
    using = users_of(assignment.seat, team=assignment.team)
    others = SeatAssignment.objects.filter(seat=assignment.seat_id).exclude(pk=assignment.pk)
    there = Membership.objects.filter(team__in=others.values("team"), user__in=using)
    return People(using.count(), there.order_by().values("user").distinct().count())


def _recount(keys: Sequence[int]) -> None:
    """Count seats (primary keys) whose teams changed, and tell of them."""
    seats = Seat.objects.filter(pk__in=keys).order_by("pk")
    recalculate(seats)
    webhooks.emit("seat.updated", seats.all())


def _locked(seat: Seat) -> Seat:
    return Seat.objects.select_for_update(of=("self",)).select_related("product").get(pk=seat.pk)


def _again(assignment: SeatAssignment) -> SeatAssignment:
    """Returns the assignment as stored now. Raises Refusal when somebody withdrew it in the meantime."""
    rows = SeatAssignment.objects.select_for_update(of=("self",)).select_related("team", "seat")
    if (found := rows.filter(pk=assignment.pk).first()) is None:
        raise Refusal(f"{assignment.team} no longer has this seat. Nothing was changed.")
    return found


def _receiving(teams: Iterable[Team], seat: Seat) -> tuple[list[Team], Seat]:
    """Returns the teams and the seat, locked in this order. Raises Refusal when a team cannot get the
    seat."""
    keys = {team.pk for team in teams}
    found = list(Team.objects.select_for_update(of=("self",)).filter(pk__in=keys).order_by("pk"))
    seat = _locked(seat)
    if off := [team for team in found if team.archived_at is not None]:
        raise Refusal(f"{names(off)} {one_or_many(len(off), 'is', 'are')} archived. Restore the team first.")
    taken = SeatAssignment.objects.filter(team__in=keys, product=seat.product).select_related("team")
    if there := [assignment.team for assignment in taken.order_by("team")]:
        raise SecondSeat(
            f"{names(there)} {one_or_many(len(there), 'has', 'have')} a seat on {seat.product} already, and "
            "a team has one seat per product at most. Add places to that seat, or withdraw it first."
        )
    return found, seat


def _copy(seat: Seat, team: Team, *, places: int | None = None, by: User | None) -> Seat:
    copy = Seat(
        name=f"{seat.name[: SEAT_NAME_LENGTH - len(team.name) - 3]} ({team.name})"[:SEAT_NAME_LENGTH],
        description=seat.description,
        product=seat.product,
        unlimited=seat.unlimited,
        max_seats=seat.max_seats if places is None else places,
        expiry_type=seat.expiry_type,
        expiry_days=seat.expiry_days,
        expiry_date=seat.expiry_date,
        reusable=seat.reusable,
        extendable=seat.extendable,
        soft_limit=seat.soft_limit,
        active=seat.active,
        source_template=seat,
        used_counted_at=timezone.now(),
    )
    signed(copy, by=by, reason=f"copy of {seat}"[:100]).save()
    set_seat_tags(copy, seat.tags.all(), by=by)
    return copy


def _assigned(pairs: Sequence[tuple[Team, Seat]], mode: str, by: User | None) -> list[SeatAssignment]:
    made = SeatAssignment.objects.bulk_create(
        SeatAssignment(team=team, seat=seat, product=seat.product, mode=mode) for team, seat in pairs
    )
    SeatAssignment.history.bulk_history_create(made, default_user=by, default_change_reason="seat assigned")
    return made
