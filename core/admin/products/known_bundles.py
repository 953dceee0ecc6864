"""Bundles that team managers may see on enrollments: those on which their teams have a seat."""

from django.db.models import Exists, OuterRef, Q, QuerySet, Value

from core.models import Enrollment, SeatAssignment, User


def with_shown_bundles(rows: QuerySet[Enrollment], viewer: User) -> QuerySet[Enrollment]:
    """Annotate `shows_bundle`: whether the viewer may see the bundle that a course came with."""
    if viewer.sees_everything:
        return rows.annotate(shows_bundle=Value(True))
    seats = SeatAssignment.objects.filter(
        team__in=viewer.managed_teams(),
        team__memberships__user=OuterRef("user"),
        product=OuterRef("via_bundle__product"),
    )
    return rows.annotate(shows_bundle=Q(user=viewer) | Exists(seats))
