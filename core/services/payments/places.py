"""Places of a sale that are taken back. Nobody's access ends by that alone: a seat may be over."""

from collections.abc import Mapping

from django.db.models import F, Sum

from core.models import Sale, SalePlaces, Seat, User
from core.services import seats
from core.services.seats import room
from core.wording import plural


def take_back(sale: Sale, targets: Mapping[int, int], *, why: str, by: User) -> list[str]:
    """Take back so many places in all, by row of the sale (primary key): what was taken before counts.
    Returns a sentence for each seat."""
    said = []
    # In the order in which seats are locked.
    for row in sale.places.select_related("product").order_by("seat", "pk"):
        more = min(targets[row.pk], row.sold) - row.taken_back
        if more > 0:
            said.append(_take(row, more, why, by))
            row.taken_back += more
            row.save(update_fields=["taken_back"])
    return said


def is_shared(sale: Sale, seat: Seat) -> bool:
    """Whether the seat has places that this sale did not bring: of another sale, or given by hand."""
    if seat.unlimited:
        return True
    own = sale.places.filter(seat=seat).aggregate(left=Sum(F("sold") - F("taken_back")))["left"] or 0
    return (seat.max_seats or 0) > own


def left_empty(sale: Sale) -> list[Seat]:
    """Returns the seats of the sale that have no place left: what was bought there is given back whole."""
    keys = sale.places.exclude(seat=None).values("seat")
    return list(Seat.objects.filter(pk__in=keys, unlimited=False, max_seats=0).order_by("pk"))


def _take(row: SalePlaces, more: int, why: str, by: User) -> str:
    if row.seat is None:
        return f"{plural(more, 'place')} on {row.product} could not be taken back: the seat is gone."
    if row.seat.unlimited:
        return f"The seat on {row.product} is unlimited, so no place was taken back."
    before = row.seat.max_seats or 0
    seat = seats.take_places(row.seat, more, why=why, by=by)
    taken = before - (seat.max_seats or 0)
    over = f" It {room.how_full(seat)}" if seat.over else ""
    return f"{plural(taken, 'place')} on {row.product} taken back.{over}"
