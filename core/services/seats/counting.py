"""How many places of a seat are used: the definition, and the cached count `Seat.used_count`.

The triggers of `triggers.py` change the cached count with every write, and `let_pass` where the end of an
enrollment came by itself. Counting again corrects a count that is wrong in any other way.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, F, Min, Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from core.models import Enrollment, Membership, Seat, SiteSettings, Team, User
from core.services.site import notices
from core.services.storage import bulk

RECALCULATE_TASK = "core.tasks.recalculate_seats"

# Statuses as in `Enrollment._conditions`, without its CASE, which is slower for a million rows.
NOT_THERE = Q(removed_at__isnull=False) | Q(push_state="failed", thinkific_id__isnull=True)
ASSIGNMENT = "user__memberships__team__seat_assignments"
COUNTED_AFTER = timedelta(hours=6)  # the longest that a reusable seat's count stands without a new one


def count_used(seats: QuerySet[Seat], *, now: datetime | None = None) -> dict[int, int]:
    """Returns the used places by seat (primary key), in one query; a seat without used places is left out.

    A member of one of the seat's teams with an enrollment in the product uses one place, however many of the
    teams they are in and whoever enrolled them. Courses that came with a bundle use none, and neither do
    bought enrollments if the settings say so. On a reusable seat an expired enrollment uses none, also if it
    ended before it was sent to Thinkific.
    """
    places = _places(seats, now).values_list(f"{ASSIGNMENT}__seat").annotate(Count("user", distinct=True))
    return dict(places)


def _places(seats: QuerySet[Seat], now: datetime | None) -> QuerySet[Enrollment]:
    """Returns the enrollments that use a place of these seats, each once for every team of the seat that the
    student is in."""
    which = Q(**{f"{ASSIGNMENT}__product": F("product"), f"{ASSIGNMENT}__seat__in": seats.order_by()})
    return _using(ASSIGNMENT, which, now)


def _using(path: str, which: Q, now: datetime | None) -> QuerySet[Enrollment]:
    """Returns the enrollments that use a place of an assigned seat. `path` leads to the assignment, and
    `which` chooses it."""
    bought = Q(last_seat__isnull=True, origin=Enrollment.Origin.THINKIFIC)
    ignored = Q(pk=None) if SiteSettings.load().bought_enrollments_take_places else bought
    expired = Q(expiry_date__isnull=False, expiry_date__lte=now or timezone.now())
    # All conditions on the assignment are in one filter(), so that they apply to the same assignment.
    return (
        Enrollment.objects.filter(
            which,
            Q(**{f"{path}__seat__reusable": False}) | ~expired,
            via_bundle__isnull=True,
        )
        .exclude(NOT_THERE)
        .exclude(ignored)
        .order_by()
    )


def places_of(
    seats: QuerySet[Seat], users: Iterable[int], *, now: datetime | None = None
) -> set[tuple[int, int]]:
    """Returns the places of these seats that these users (primary keys) use, as seat and user."""
    rows = _places(seats, now).filter(bulk.among("user_id", users))
    return set(rows.values_list(f"{ASSIGNMENT}__seat", "user"))


def places_by_joining(team: Team, users: Collection[int]) -> set[tuple[int, int]]:
    """Returns the places of the team's seats, as seat and user, that these users (primary keys) would use by
    joining it. Left out are those that they use already through another team of a seat."""
    path = "product__seat_assignments"
    rows = _using(path, Q(**{f"{path}__team": team}), None).filter(user__in=users)
    seats = Seat.objects.filter(assignments__team=team)
    return set(rows.values_list(f"{path}__seat", "user")) - places_of(seats, users)


def users_of(seat: Seat, *, team: Team | None = None) -> QuerySet[User]:
    """Returns the users who use a place of the seat now; with `team`, only that team's members."""
    places = _places(Seat.objects.filter(pk=seat.pk), timezone.now())
    if team is not None:
        places = places.filter(user__in=Membership.objects.filter(team=team).values("user"))
    return User.objects.filter(pk__in=places.values("user"))


def request_recalculation(*, by: User) -> None:
    """Count all seats again in the background. Whoever asks is told when it is done."""
    async_task(RECALCULATE_TASK, notices.waiting(by))


@transaction.atomic
def recalculate(seats: QuerySet[Seat] | None = None, *, now: datetime | None = None) -> int:
    """Correct the cached counts of these seats, or of all. Returns how many were wrong."""
    chosen = (
        Seat.objects.all() if seats is None else Seat.objects.filter(pk__in=seats.order_by().values("pk"))
    )
    now = now or timezone.now()
    # Locked, always in the same order. An enrollment that takes a place at the same time waits; otherwise
    # this count, which does not include it, could overwrite its own.
    cached = list(chosen.select_for_update().order_by("pk").only("pk", "used_count"))
    counted = count_used(chosen, now=now)
    # Counts are not in a seat's history, so save() is not needed.
    rows = [(seat.pk, counted.get(seat.pk, 0), now) for seat in cached]
    bulk.update(Seat, ["used_count", "used_counted_at"], rows)
    return sum(seat.used_count != counted.get(seat.pk, 0) for seat in cached)


def let_pass(now: datetime | None = None) -> int:
    """Count seats again whose counts are wrong since enrollments ended by themselves. Returns how many were
    wrong. Looks only at enrollments that ended since the oldest count of a reusable seat."""
    now = now or timezone.now()
    due = Q(used_counted_at__isnull=True) | Q(reusable=True, used_counted_at__lt=now - COUNTED_AFTER)
    wrong = recalculate(Seat.objects.filter(due), now=now) if Seat.objects.filter(due).exists() else 0
    reusable = Seat.objects.filter(reusable=True)
    oldest = reusable.aggregate(at=Min("used_counted_at"))["at"]
    if oldest is None:
        return wrong
    ended = Enrollment.objects.filter(expiry_date__gt=oldest, expiry_date__lte=now).filter(
        Q(**{f"{ASSIGNMENT}__product": F("product"), f"{ASSIGNMENT}__seat__reusable": True}),
        Q(**{f"{ASSIGNMENT}__seat__used_counted_at__lt": F("expiry_date")}),
    )
    seats = list(ended.order_by().values_list(f"{ASSIGNMENT}__seat", flat=True).distinct())
    return wrong + (recalculate(Seat.objects.filter(pk__in=seats), now=now) if seats else 0)
