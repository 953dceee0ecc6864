"""Enrolling through the seats of a team.

A team's viewer can end, shorten and extend only enrollments that a seat of their teams gave
(`scope.enrollments_where`), not those from another team's seat, a purchase or an administrator.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from core.errors import Refusal, names
from core.models import Enrollment, Membership, Product, Seat, SeatAssignment, User
from core.permissions import scope
from core.services.enrollments import enrollments
from core.services.enrollments.enroll_many import enroll_unchecked


class HeldOtherwise(Refusal):
    """The student has access that no seat of the viewer's teams gave."""

    status = 409


def seats_for(
    viewer: User, students: Collection[User], products: Collection[Product]
) -> dict[tuple[int, int], Seat]:
    """Returns the seats of teams that the viewer shares with a student, by student and product (primary
    keys). Only teams in which the viewer may enroll people count."""
    teams = scope.teams_where(viewer, "enrollments.create")
    members: dict[int, list[int]] = {}
    for team, user in Membership.objects.filter(team__in=teams, user__in=students).values_list(
        "team", "user"
    ):
        members.setdefault(team, []).append(user)
    rows = SeatAssignment.objects.filter(team__in=list(members), product__in=products).select_related("seat")
    seats: dict[tuple[int, int], Seat] = {}
    for assignment in rows.order_by("pk"):
        for user in members[assignment.team_id]:
            seats.setdefault((user, assignment.product_id), assignment.seat)
    return seats


@transaction.atomic
def enroll(
    *, student: User, products: Iterable[Product], expiry_date: datetime | None = None, by: User
) -> list[Enrollment]:
    """Enroll a student on behalf of `by`: an administrator, or a team's viewer through seats of their teams.

    Raises HeldOtherwise when the student has access now that no seat of these teams gave, and Refusal when
    there is no seat or the end date is not possible. Then nothing is written.
    """
    products = list(products)
    seats = _own_seats(by, [student], products)
    return enrollments.enroll_unchecked(
        student=student,
        products=products,
        expiry_date=expiry_date,
        by=by,
        seats={product: seat for (_, product), seat in seats.items()},
    )


@transaction.atomic
def enroll_many(
    *, students: Iterable[User], products: Iterable[Product], expiry_date: datetime | None = None, by: User
) -> list[Enrollment]:
    """`enroll` for several students, all or none."""
    students, products = list(students), list(products)
    seats = _own_seats(by, students, products)
    return enroll_unchecked(students=students, products=products, expiry_date=expiry_date, by=by, seats=seats)


def _own_seats(
    by: User, students: Collection[User], products: Collection[Product]
) -> dict[tuple[int, int], Seat]:
    """Returns the seats through which `by` gives these products; empty for an administrator, who needs
    none."""
    if by.sees_everything:
        return {}
    seats = seats_for(by, students, products)
    for product in products:
        if missing := [student for student in students if (student.pk, product.pk) not in seats]:
            raise Refusal(f"No team that you have in common with {names(missing)} has a seat on {product}.")
    _check_own(by, students, products)
    return seats


def products_to_offer(viewer: User, student: User) -> QuerySet[Product]:
    """Returns the products that the viewer can enroll this student in: without those that `enroll` refuses
    because the student has access that no seat of the viewer's teams gave."""
    products = scope.products_to_give(viewer, student)
    if viewer.sees_everything:
        return products
    running = Enrollment.objects.filter(user=student).giving_access()
    own = scope.enrollments_where(viewer, student, "enrollments.create")
    return products.exclude(pk__in=running.exclude(pk__in=own.values("pk")).values("product"))


def _check_own(viewer: User, students: Collection[User], products: Collection[Product]) -> None:
    # Locked, so that nobody else gives access between this check and the grant.
    rows = Enrollment.objects.select_for_update(of=("self",)).filter(user__in=students, product__in=products)
    running = list(rows.giving_access().select_related("product", "user").order_by("pk"))
    mine = scope.enrollments_where(viewer, students, "enrollments.create")
    own = set(mine.values_list("pk", flat=True))
    held = [enrollment for enrollment in running if enrollment.pk not in own]
    if not held:
        return
    who = names([enrollment.user for enrollment in held if enrollment.product_id == held[0].product_id])
    has, it = ("has", "It stays") if len(held) == 1 else ("have", "That stays")
    raise HeldOtherwise(
        f"{who} {has} access to {held[0].product} already, and no seat of your teams gave it. {it} as it is; "
        "enroll them again when it has ended."
    )


def giver(viewer: User, enrollment: Enrollment) -> str:
    """Returns the text that tells a team's viewer who gave the access; other teams are not named."""
    if enrollment.last_seat_id is not None:
        teams = viewer.managed_teams().filter(memberships__user=enrollment.user_id)
        rows = SeatAssignment.objects.filter(team__in=teams, seat=enrollment.last_seat_id)
        names = sorted({str(row.team) for row in rows.select_related("team")})
        if names:
            return f"A seat of {', '.join(names)}"
    return "Not by a seat of your teams: bought, or given by somebody else. Your teams cannot change its end."
