"""Making seats and changing them: their product, places, expiry rule and switches."""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from core import moments
from core.errors import Refusal, names
from core.folding import tidy_name
from core.models import Enrollment, Product, Seat, SeatAssignment, Tag, User
from core.models.fields.settings_checks import MOST_DAYS, MOST_PLACES
from core.services import webhooks
from core.services.history import signed
from core.services.seats.counting import count_used, recalculate
from core.services.tags import set_seat_tags
from core.wording import plural

SEAT_NAME_LENGTH = 255
DESCRIPTION_LENGTH = 10_000
CHANGEABLE = {
    "name",
    "description",
    "product",
    "unlimited",
    "max_seats",
    "expiry_type",
    "expiry_days",
    "expiry_date",
    "reusable",
    "extendable",
    "soft_limit",
    "active",
}


class TooManyPlaces(Refusal):
    field = "add_seats"


class BadLastDay(Refusal):
    """Access cannot end on this day."""


class ProductInUse(Refusal):
    """A seat that people use keeps its product."""


@transaction.atomic
def create(
    *, name: str, product: Product, tags: Iterable[Tag] = (), by: User | None = None, **values: Any
) -> Seat:
    """Make a seat that no team has yet. `values` are fields of CHANGEABLE; others keep their defaults. Raises
    Refusal when they do not fit together."""
    _check_names(values)
    seat = Seat(used_counted_at=timezone.now(), **values, name=name, product=product)
    _check(seat, changed={*values, "name", "product"})
    signed(seat, by=by, reason="seat made").save()
    set_seat_tags(seat, tags, by=by)
    webhooks.emit("seat.updated", [seat])
    return seat


@transaction.atomic
def update(seat: Seat, *, tags: Iterable[Tag] | None = None, by: User | None = None, **values: Any) -> Seat:
    """Change a seat; only differences are written. Enrollments keep their end dates.

    Fewer places than are used are allowed: nobody loses access, and nobody can be enrolled until use falls.
    Raises Refusal when values do not fit together, and ProductInUse for another product once the seat is
    used.
    """
    _check_names(values)
    seat = Seat.objects.select_for_update(of=("self",)).select_related("product").get(pk=seat.pk)
    before = {name: getattr(seat, name) for name in CHANGEABLE}
    for name, value in values.items():
        setattr(seat, name, value)
    _check(seat, changed=set(values))
    changed = [name for name in sorted(CHANGEABLE) if getattr(seat, name) != before[name]]
    if "product" in changed:
        _move_to_product(seat, before["product"], by)
    if changed:
        signed(seat, by=by, reason="details changed").save(update_fields=[*changed, "folded"])
    if tags is not None:
        set_seat_tags(seat, tags, by=by)
    if {"product", "reusable"} & set(changed):
        recalculate(Seat.objects.filter(pk=seat.pk))
        seat.refresh_from_db()
    webhooks.emit("seat.updated", [seat] if changed else [])
    return seat


@transaction.atomic
def add_places(seat: Seat, places: int, *, by: User | None = None) -> Seat:
    """Add places to a seat; whoever uses it keeps access as it was. Has no effect on an unlimited seat.
    Raises Refusal for a number below 1, and above MOST_PLACES together."""
    if places < 1:
        raise Refusal("Add at least one place.")
    seat = Seat.objects.select_for_update(of=("self",)).get(pk=seat.pk)
    if seat.unlimited:
        return seat
    seat.max_seats = (seat.max_seats or 0) + places
    _check_places(seat)
    signed(seat, by=by, reason=f"{plural(places, 'place')} added").save(update_fields=["max_seats"])
    webhooks.emit("seat.updated", [seat])
    return seat


@transaction.atomic
def take_places(seat: Seat, places: int, *, why: str, by: User | None = None) -> Seat:
    """Take places of a seat away, at most those that it has. Fewer than are used may be left: nobody loses
    access, and the seat is over until use falls. Has no effect on an unlimited seat."""
    seat = Seat.objects.select_for_update(of=("self",)).get(pk=seat.pk)
    taken = 0 if seat.unlimited else min(places, seat.max_seats or 0)
    if taken > 0:
        seat.max_seats = (seat.max_seats or 0) - taken
        signed(seat, by=by, reason=f"{plural(taken, 'place')} taken back: {why}").save(
            update_fields=["max_seats"]
        )
        webhooks.emit("seat.updated", [seat])
    return seat


@transaction.atomic
def delete(seat: Seat, *, by: User | None = None) -> None:
    """Delete a seat that no team has and that gave no enrollment. Raises Refusal otherwise."""
    seat = Seat.objects.select_for_update(of=("self",)).get(pk=seat.pk)
    if why := why_kept(seat):
        raise Refusal(why)
    webhooks.emit("seat.updated", [seat])
    signed(seat, by=by, reason="deleted").delete()


def why_kept(seat: Seat) -> str:
    """Returns why a seat cannot be deleted; empty if it can."""
    if SeatAssignment.objects.filter(seat=seat).exists():
        return f"{seat} is assigned to a team. Withdraw it from its teams first."
    if Enrollment.objects.filter(last_seat=seat).exists():
        return f"{seat} gave enrollments, and their end dates depend on it. Deactivate it instead."
    return ""


def is_used(seat: Seat) -> bool:
    """Whether people use places of the seat, or have access that it gave."""
    return bool(count_used(Seat.objects.filter(pk=seat.pk))) or bool(
        Enrollment.objects.filter(last_seat=seat).exists()
    )


def _move_to_product(seat: Seat, before: Product, by: User | None) -> None:
    """Let the assignments follow another product of their seat. Raises Refusal if that is not possible."""
    was = Seat.objects.get(pk=seat.pk)
    if is_used(was):
        raise ProductInUse(
            f"People use places of this seat on {before}, so its product stays. Make another seat for "
            f"{seat.product}."
        )
    assignments = list(SeatAssignment.objects.filter(seat=seat).select_related("team").order_by("pk"))
    teams = [assignment.team_id for assignment in assignments]
    taken = SeatAssignment.objects.filter(team__in=teams, product=seat.product).select_related("team")
    if there := [assignment.team for assignment in taken]:
        raise Refusal(
            f"{names(there)} {'has' if len(there) == 1 else 'have'} a seat on {seat.product} already, and a "
            "team has one seat per product at most. Withdraw one of the two first."
        )
    for assignment in assignments:
        assignment.product = seat.product
        signed(assignment, by=by, reason="product of the seat changed").save(update_fields=["product"])


def _check_names(values: dict[str, Any]) -> None:
    if unknown := set(values) - CHANGEABLE:
        raise TypeError(f"A seat has no {', '.join(sorted(unknown))} to set")


def _check(seat: Seat, *, changed: set[str]) -> None:
    """Bring the seat's values into the form in which they are stored. Raises Refusal where they do not fit
    together."""
    seat.name = tidy_name(seat.name)
    if not seat.name:
        raise Refusal("A seat needs a name.")
    if len(seat.name) > SEAT_NAME_LENGTH:
        raise Refusal(f"The name has {len(seat.name)} characters; {SEAT_NAME_LENGTH} is the most.")
    seat.description = seat.description.replace("\x00", "").strip()
    if len(seat.description) > DESCRIPTION_LENGTH:
        raise Refusal(
            f"The description has {len(seat.description):,} characters; {DESCRIPTION_LENGTH:,} is the most."
        )
    if "product" in changed and seat.product.removed_at is not None:
        raise Refusal(f"{seat.product} is no longer in Thinkific. Choose another product.")
    _check_places(seat)
    _check_expiry(seat, changed)


def _check_places(seat: Seat) -> None:
    if seat.unlimited:
        return
    if seat.max_seats is None:
        raise Refusal("Enter how many places the seat has, or make it unlimited.")
    if not 0 <= seat.max_seats <= MOST_PLACES:
        raise TooManyPlaces(f"A seat has between 0 and {MOST_PLACES:,} places. For more, make it unlimited.")


def _check_expiry(seat: Seat, changed: set[str]) -> None:
    if seat.expiry_type == Seat.Expiry.DAYS:
        if seat.expiry_days is None:
            raise Refusal("Enter after how many days access ends. 0 means that it does not end.")
        if not 0 <= seat.expiry_days <= MOST_DAYS:
            raise Refusal(
                f"Access can last {MOST_DAYS:,} days at most. For longer, choose that it never ends."
            )
    if seat.expiry_type == Seat.Expiry.DATE:
        if seat.expiry_date is None:
            raise BadLastDay("Enter the day on which access ends.")
        if {"expiry_type", "expiry_date"} & changed and seat.expiry_date < timezone.localdate():
            raise BadLastDay(
                f"{moments.day(seat.expiry_date)} is in the past, so nobody could be enrolled. Choose a "
                "later day."
            )
        if seat.expiry_date > moments.LAST_DAY:
            raise BadLastDay("Choose a day before the year 2200, or that access never ends.")
