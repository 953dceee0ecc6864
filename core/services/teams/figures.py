"""Figures about teams. The first page of team managers and the pages of organizations show the same ones."""

from typing import NamedTuple

from django.db.models import Avg, Count, Q, QuerySet, Sum

from core.models import Enrollment, Membership, Seat, Team
from core.models.enrollments import COMPLETED

COUNTED = 10_000  # the most people and enrollments that the figures count


class Figures(NamedTuple):
    """People, places and learning in some teams. `people` and `enrollments` are at most COUNTED + 1, which
    means "more"; then `completed` and `progress` are None, because they would be those of a part."""

    people: int
    seats: int
    places_used: int
    places: int  # of the seats that have a limit
    unlimited: int  # seats without a limit
    enrollments: int  # of members, in the products that their team has a seat on
    completed: int | None
    progress: float | None  # the average of these, from 0 to 1


def of(teams: QuerySet[Team]) -> Figures:
    """Returns the figures of these teams in three queries, whose work is limited by COUNTED."""
    people = Membership.objects.filter(team__in=teams).order_by().values("user").distinct()
    seats = Seat.objects.of_teams(teams).aggregate(
        count=Count("pk"),
        used=Sum("used_count"),
        places=Sum("max_seats", filter=Q(unlimited=False)),
        unlimited=Count("pk", filter=Q(unlimited=True)),
    )
    held = Enrollment.objects.of_teams(teams).order_by().values("pk")
    learning = Enrollment.objects.filter(pk__in=held[: COUNTED + 1]).aggregate(
        count=Count("pk"), completed=Count("pk", filter=COMPLETED), progress=Avg("percentage_completed")
    )
    is_part = learning["count"] > COUNTED
    return Figures(
        people=people[: COUNTED + 1].count(),
        seats=seats["count"],
        places_used=seats["used"] or 0,
        places=seats["places"] or 0,
        unlimited=seats["unlimited"],
        enrollments=learning["count"],
        completed=None if is_part else learning["completed"],
        progress=None if is_part else float(learning["progress"] or 0),
    )
