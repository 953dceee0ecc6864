"""Enrolling through the seats of a team.

A team's viewer can end, shorten and extend only enrollments that a seat of their teams gave
(`scope.enrollments_where`), not those from another team's seat, a purchase or an administrator.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core import moments
from core.errors import Refusal, names
from core.models import Enrollment, Product, SeatAssignment, SiteSettings, Team, User
from core.models.fields.settings_checks import MOST_DAYS
from core.permissions import scope
from core.services.enrollments import enrollments, places
from core.services.enrollments.enroll_many import check_can_be_enrolled, enroll_unchecked
from core.services.enrollments.places import Plan
from core.wording import first_of, one_or_many


class HeldOtherwise(Refusal):
    """The student has access that no seat of the viewer's teams gave."""

    status = 409


class NoSeat(Refusal):
    """The team, or a team's viewer in common with the student, has no seat on a product."""

    field = "enrollments"


@transaction.atomic
def enroll(
    *,
    student: User,
    products: Iterable[Product],
    expiry_date: datetime | None = None,
    by: User,
    without_seat: bool = False,
    team: Team | None = None,
) -> list[Enrollment]:
    """Enroll a student on behalf of `by`, through a seat of a team that both are in.

    For an administrator a seat of any team of the student counts; where there is none, or with
    `without_seat`, access is given directly. With `team` only this team's seat gives access. A seat's rule
    decides when access ends; `expiry_date` may end it earlier. Raises NoPlacesLeft when a seat has no free
    place, HeldOtherwise when the student has access now that no seat of the viewer's teams gave, and Refusal
    when there is no seat or the end date is not possible. Then nothing is written.
    """
    products = list(products)
    made = _taken([student], products, expiry_date, by, without_seat, team)
    return enrollments.enroll_each(
        [student], products, expiry_date=expiry_date, by=by, seats=made.seats, ends=made.ends
    )


@transaction.atomic
def enroll_many(
    *,
    students: Iterable[User],
    products: Iterable[Product],
    expiry_date: datetime | None = None,
    by: User,
    without_seat: bool = False,
    team: Team | None = None,
    origin: str = Enrollment.Origin.DASHBOARD,
) -> list[Enrollment]:
    """`enroll` for several students, all or none. A refusal names how many places each seat lacks. `origin`
    is that of new enrollments; access that an import gives without a seat ends as the settings say."""
    students, products = list(students), list(products)
    made = _taken(students, products, expiry_date, by, without_seat, team)
    if origin == Enrollment.Origin.IMPORT:
        usual = _usual_end(timezone.now().replace(microsecond=0))
        made.ends |= {
            (one.pk, product.pk): usual
            for one in students
            for product in products
            if (one.pk, product.pk) not in made.ways
        }
    return enroll_unchecked(
        students=students,
        products=products,
        expiry_date=expiry_date,
        by=by,
        seats=made.seats,
        ends=made.ends,
        origin=origin,
    )


def plan(
    students: Collection[User],
    products: Collection[Product],
    expiry_date: datetime | None,
    by: User,
    without_seat: bool = False,
    team: Team | None = None,
) -> Plan:
    """Returns through which seats `enroll` would give these products, and until when. For a team's viewer,
    and with `team`, raises Refusal when a student has no seat for a product."""
    now = timezone.now().replace(microsecond=0)
    if by.sees_everything and without_seat:
        return Plan(ends={(one.pk, product.pk): expiry_date for one in students for product in products})
    made = places.plan(by, students, products, end=expiry_date, now=now, team=team)
    for product in products:
        missing = [student for student in students if (student.pk, product.pk) not in made.ways]
        if missing and team is not None:
            raise NoSeat(f"{team} has no seat on {product} for {names(missing)}. Nobody was enrolled.")
        if missing and not by.sees_everything:
            raise NoSeat(f"No team that you have in common with {names(missing)} has a seat on {product}.")
        made.ends |= {(student.pk, product.pk): expiry_date for student in missing}
    return made


def look_ahead(
    students: Collection[User],
    products: Collection[Product],
    expiry_date: datetime | None,
    by: User,
    without_seat: bool,
    team: Team | None = None,
) -> tuple[Plan, Refusal | None]:
    """Returns the plan, and why `enroll_many` would refuse it now, by the same checks: so nobody confirms
    what cannot be done. Locks nothing."""
    try:
        made = plan(students, products, expiry_date, by, without_seat, team)
        _check(made, students, products, by, held=Enrollment.objects.all())
        check_can_be_enrolled(students, products, expiry_date)
    except Refusal as refusal:
        return Plan(), refusal
    return made, None


def _taken(
    students: Collection[User],
    products: Collection[Product],
    expiry_date: datetime | None,
    by: User,
    without_seat: bool,
    team: Team | None,
) -> Plan:
    """Returns the checked plan, with its seats locked: of two people who take the last place at the same
    time, the second is refused."""
    places.lock(students, products)
    made = plan(students, products, expiry_date, by, without_seat, team)
    # Locked, so that nobody else gives access between this check and the grant.
    _check(made, students, products, by, held=Enrollment.objects.select_for_update(of=("self",)))
    return made


def _check(
    made: Plan,
    students: Collection[User],
    products: Collection[Product],
    by: User,
    *,
    held: QuerySet[Enrollment],
) -> None:
    """Raises HeldOtherwise and NoPlacesLeft. `held` are all enrollments, locked or not."""
    if not by.sees_everything:
        _check_own(by, students, products, held)
    places.check(made, by=by)


@transaction.atomic
def enroll_without_limits(
    *, student: User, products: Iterable[Product], team: Team, by: User, origin: str
) -> list[Enrollment]:
    """Enroll a student of a team as the Student API does: no seat refuses them, full or inactive. The team's
    seat says when access ends, as for everybody whom the team enrolls; without one the settings do.

    The rights of `by` hold: a team's viewer enrolls through a seat of a team that both are in, and changes no
    access that none of these seats gave. Raises NoSeat, HeldOtherwise and Refusal, and then writes nothing.
    """
    products, now = list(products), timezone.now().replace(microsecond=0)
    places.lock([student], products)
    made = places.plan_without_limits(by, student, products, team=team, usual=_usual_end(now), now=now)
    if not by.sees_everything:
        if without := [product for product in products if (student.pk, product.pk) not in made.ways]:
            raise NoSeat(f"No team that you have in common with {student} has a seat on {without[0]}.")
        _check_own(by, [student], products, Enrollment.objects.select_for_update(of=("self",)))
    return enroll_unchecked(
        students=[student], products=products, by=by, seats=made.seats, ends=made.ends, origin=origin
    )


def _usual_end(now: datetime) -> datetime | None:
    """Returns the end of access by the settings; where their fixed day has passed, by their days."""
    end, days = moments.end_of(enrollments.usual_last_day()), SiteSettings.load().default_enrollment_days
    if end is not None and end <= now:
        return now + timedelta(days=min(days, MOST_DAYS)) if days else None
    return end


@transaction.atomic
def change_end(enrollment: Enrollment, *, expiry_date: datetime | None, by: User) -> int:
    """Move the end of access (None: no end). A team's viewer may do it only on a seat that is extendable, and
    on a seat with a fixed date not beyond it. Raises Refusal."""
    places.check_reopening(enrollment, expiry_date, by=by)
    return enrollments.change_expiry([enrollment], expiry_date=expiry_date, by=by)


def products_to_offer(viewer: User, student: User) -> QuerySet[Product]:
    """Returns the products that the viewer can enroll this student in: without those that `enroll` refuses
    because the student has access that no seat of the viewer's teams gave."""
    products = scope.products_to_give(viewer, student)
    if viewer.sees_everything:
        return products
    running = Enrollment.objects.filter(user=student).giving_access()
    own = scope.enrollments_where(viewer, student, "enrollments.create")
    return products.exclude(pk__in=running.exclude(pk__in=own.values("pk")).values("product"))


def _check_own(
    viewer: User, students: Collection[User], products: Collection[Product], held: QuerySet[Enrollment]
) -> None:
    rows: Any = held.filter(user__in=students, product__in=products)
    running = list(rows.giving_access().select_related("product", "user").order_by("pk"))
    mine = scope.enrollments_where(viewer, students, "enrollments.create")
    own = set(mine.values_list("pk", flat=True))
    by_product: dict[Product, list[User]] = {}
    for enrollment in running:
        if enrollment.pk not in own:
            by_product.setdefault(enrollment.product, []).append(enrollment.user)
    if not by_product:
        return
    said = [
        f"{names(people)} {one_or_many(len(people), 'has', 'have')} access to {product} already, and no seat "
        f"of your teams gave it. {one_or_many(len(people), 'It stays as it is', 'That stays as it is')}."
        for product, people in by_product.items()
    ]
    again = "Enroll them again when it has ended."
    helps = again if len(students) == 1 else f"Nobody was enrolled. Choose without them. {again}"
    raise HeldOtherwise(f"{' '.join(said)} {helps}")


def giver(viewer: User, enrollment: Enrollment) -> str:
    """Returns the text that tells a team's viewer who gave the access; other teams are not named."""
    if enrollment.last_seat_id is not None:
        shared = viewer.managed_teams().filter(memberships__user=enrollment.user_id)
        rows = SeatAssignment.objects.filter(team__in=shared, seat=enrollment.last_seat_id)
        teams = sorted({str(row.team) for row in rows.select_related("team")})
        if teams:
            return f"A seat of {first_of(teams)}"
    return "Not by a seat of your teams: bought, or given by somebody else. Your teams cannot change its end."
