"""Which seat gave an enrollment, and what a team may do through its seats.

A team ends, shortens and extends only what its own seats gave (`authority.enrollments_where`). What another
team's seat, a purchase or an administrator gave stays as it is.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from core.errors import Refusal
from core.models import Enrollment, Product, Seat, SeatAssignment, User
from core.services import authority, enrollments


class HeldOtherwise(Refusal):
    """The student has access that no seat of the viewer's teams gave."""

    status = 409


def seats_for(
    viewer: User, student: User, products: Iterable[Product], code: str = "enrollments.create"
) -> dict[int, Seat]:
    """The seat of a team that the viewer and the student share, by product (primary key)."""
    teams = authority.teams_where(viewer, code).filter(memberships__user=student)
    rows = SeatAssignment.objects.filter(team__in=teams, product__in=list(products)).select_related("seat")
    seats: dict[int, Seat] = {}
    for assignment in rows.order_by("pk"):
        seats.setdefault(assignment.product_id, assignment.seat)
    return seats


@transaction.atomic
def enroll(
    *, student: User, products: Iterable[Product], expiry_date: datetime | None = None, by: User
) -> list[Enrollment]:
    """Enroll a student for the person `by`: an administrator, or a team's viewer through the team's seats.

    Raises HeldOtherwise where the student has running access that no seat of `by`'s teams gave, and Refusal
    where there is no seat or the dates cannot be; then nothing is written.
    """
    products = list(products)
    if by.sees_everything:
        return enrollments.enroll_unchecked(
            student=student, products=products, expiry_date=expiry_date, by=by
        )
    seats = seats_for(by, student, products)
    if missing := [product for product in products if product.pk not in seats]:
        raise Refusal(f"No team that you have in common with {student} has a seat on {missing[0]}.")
    _check_own(by, student, seats)
    return enrollments.enroll_unchecked(
        student=student, products=products, expiry_date=expiry_date, by=by, seats=seats
    )


def products_to_offer(viewer: User, student: User) -> QuerySet[Product]:
    """What enrolling this student can work for: without what `enroll` refuses because the student has access
    that no seat of the viewer's teams gave."""
    products = authority.products_to_give(viewer, student)
    if viewer.sees_everything:
        return products
    running = Enrollment.objects.filter(user=student).giving_access()
    own = authority.enrollments_where(viewer, student, "enrollments.create")
    return products.exclude(pk__in=running.exclude(pk__in=own.values("pk")).values("product"))


def _check_own(viewer: User, student: User, seats: Mapping[int, Seat]) -> None:
    # Locked, so that nobody else gives access between this look and the grant.
    rows = Enrollment.objects.select_for_update(of=("self",)).filter(user=student, product__in=list(seats))
    running = rows.giving_access().select_related("product").order_by("pk")
    own = set(authority.enrollments_where(viewer, student, "enrollments.create").values_list("pk", flat=True))
    for enrollment in running:
        if enrollment.pk not in own:
            raise HeldOtherwise(
                f"{student} has access to {enrollment.product} already, and no seat of your teams gave it. "
                "It stays as it is; enroll them again when it has ended."
            )


def giver(viewer: User, enrollment: Enrollment) -> str:
    """Who gave the access, in words that a team's viewer may read."""
    if enrollment.last_seat_id is not None:
        teams = viewer.managed_teams().filter(memberships__user=enrollment.user_id)
        rows = SeatAssignment.objects.filter(team__in=teams, seat=enrollment.last_seat_id)
        names = sorted({str(row.team) for row in rows.select_related("team")})
        if names:
            return f"A seat of {', '.join(names)}"
    return "Not by a seat of your teams: bought, or given by somebody else. Your teams cannot change its end."
