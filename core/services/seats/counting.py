"""How many places of a seat are used: the definition, and the cached count `Seat.used_count`."""

from datetime import datetime

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from core.models import Enrollment, Membership, Seat, Team, User

RECALCULATE_TASK = "core.tasks.recalculate_seats"

# A pending enrollment uses its place already, before it is sent. A failed or removed one does not.
TAKES_A_PLACE = [
    Enrollment.Status.PENDING,
    Enrollment.Status.ACTIVE,
    Enrollment.Status.COMPLETED,
    Enrollment.Status.EXPIRED,
]
ASSIGNMENT = "user__memberships__team__seat_assignments"


def count_used(seats: QuerySet[Seat], *, now: datetime | None = None) -> dict[int, int]:
    """Returns the used places by seat (primary key), in one query; a seat without used places is left out.

    A member of one of the seat's teams with an enrollment in the product uses one place, however many of the
    teams they are in and whoever enrolled them. Courses that came with a bundle use none. On a reusable seat
    an expired enrollment uses none.
    """
    places = _places(seats, now).values_list(f"{ASSIGNMENT}__seat").annotate(Count("user", distinct=True))
    return dict(places)


def _places(seats: QuerySet[Seat], now: datetime | None) -> QuerySet[Enrollment]:
    """Returns the enrollments that use a place of these seats, each once for every team of the seat that the
    student is in."""
    # All conditions on the assignment are in one filter(), so that they apply to the same assignment.
    return (
        Enrollment.objects.with_status(now)
        .filter(
            Q(**{f"{ASSIGNMENT}__product": F("product"), f"{ASSIGNMENT}__seat__in": seats.order_by()}),
            Q(**{f"{ASSIGNMENT}__seat__reusable": False}) | ~Q(status_now=Enrollment.Status.EXPIRED),
            Q(status_now__in=TAKES_A_PLACE),
            via_bundle__isnull=True,
        )
        .order_by()
    )


def users_of(seat: Seat, *, team: Team | None = None) -> QuerySet[User]:
    """Returns the users who use a place of the seat now; with `team`, only that team's members."""
    places = _places(Seat.objects.filter(pk=seat.pk), timezone.now())
    if team is not None:
        places = places.filter(user__in=Membership.objects.filter(team=team).values("user"))
    return User.objects.filter(pk__in=places.values("user"))


def request_recalculation(*, by: User) -> None:
    """Count all seats again in the background. The person is told when it is done."""
    async_task(RECALCULATE_TASK, by.pk)


@transaction.atomic
def recalculate(seats: QuerySet[Seat] | None = None) -> int:
    """Correct the cached counts of these seats, or of all. Returns how many were wrong."""
    chosen = (
        Seat.objects.all() if seats is None else Seat.objects.filter(pk__in=seats.order_by().values("pk"))
    )
    now = timezone.now()
    # Locked, always in the same order. An enrollment that takes a place at the same time waits; otherwise
    # this count, which does not include it, could overwrite its own.
    cached = list(chosen.select_for_update().order_by("pk").only("pk", "used_count"))
    counted = count_used(chosen, now=now)
    wrong = [seat for seat in cached if seat.used_count != counted.get(seat.pk, 0)]
    for seat in wrong:
        seat.used_count = counted.get(seat.pk, 0)
    # Counts are not in a seat's history, so save() is not needed. The time is written first: `chosen` may
    # filter by the count, and would not find the seats afterwards.
    chosen.update(used_counted_at=now)
    Seat.objects.bulk_update(wrong, ["used_count"], batch_size=1000)
    return len(wrong)
