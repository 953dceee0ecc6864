"""How many places of a seat are taken: the one definition, and the cached count that follows it."""

from datetime import datetime

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from core.models import Enrollment, Seat, User

RECALCULATE_TASK = "core.tasks.recalculate_seats"

# A pending enrollment holds its place: Thinkific is told later. A failed or removed one gives none.
TAKES_A_PLACE = [
    Enrollment.Status.PENDING,
    Enrollment.Status.ACTIVE,
    Enrollment.Status.COMPLETED,
    Enrollment.Status.EXPIRED,
]
ASSIGNMENT = "user__memberships__team__seat_assignments"


def count_used(seats: QuerySet[Seat], *, now: datetime | None = None) -> dict[int, int]:
    """Places taken per seat, in one statement for all of them; a seat without any is left out.

    One place per person, however many of the seat's teams they are in, and whoever enrolled them: what
    counts is to be a member with an enrollment in the product. Courses that came with a bundle take no
    place of their own. On a reusable seat an expired enrollment has given its place back.
    """
    # All conditions on the assignment stand in one filter(), so that they speak of the same one.
    places = (
        Enrollment.objects.with_status(now)
        .filter(
            Q(**{f"{ASSIGNMENT}__product": F("product"), f"{ASSIGNMENT}__seat__in": seats.order_by()}),
            Q(**{f"{ASSIGNMENT}__seat__reusable": False}) | ~Q(status_now=Enrollment.Status.EXPIRED),
            Q(status_now__in=TAKES_A_PLACE),
            via_bundle__isnull=True,
        )
        .order_by()
        .values_list(f"{ASSIGNMENT}__seat")
        .annotate(Count("user", distinct=True))
    )
    return dict(places)


def used(seat: Seat, *, now: datetime | None = None) -> int:
    """Places of one seat that are taken now, whatever its cached count says."""
    return count_used(Seat.objects.filter(pk=seat.pk), now=now).get(seat.pk, 0)


def request_recalculation(*, by: User) -> None:
    """Count all seats again in the background. The person is told when it is done."""
    async_task(RECALCULATE_TASK, by.pk)


@transaction.atomic
def recalculate(seats: QuerySet[Seat] | None = None) -> int:
    """Rebuild the cached counts of these seats, or of all. Returns how many were wrong."""
    chosen = (
        Seat.objects.all() if seats is None else Seat.objects.filter(pk__in=seats.order_by().values("pk"))
    )
    now = timezone.now()
    # Locked, always in the same order: an enrollment that takes a place meanwhile waits, and is not
    # overwritten by a count that has not seen it.
    cached = list(chosen.select_for_update().order_by("pk").only("pk", "used_count"))
    counted = count_used(chosen, now=now)
    wrong = [seat for seat in cached if seat.used_count != counted.get(seat.pk, 0)]
    for seat in wrong:
        seat.used_count = counted.get(seat.pk, 0)
    # The counts are no part of a seat's history, so the quick way around save() is right. The time first:
    # what was chosen by its count would not be found afterwards.
    chosen.update(used_counted_at=now)
    Seat.objects.bulk_update(wrong, ["used_count"], batch_size=1000)
    return len(wrong)
