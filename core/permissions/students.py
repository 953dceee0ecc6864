"""What a viewer may do with a student: enroll them."""

from django.db.models import QuerySet

from core.models import SeatAssignment, Team, User
from core.permissions import scope


def may_enroll(viewer: User, student: User | None) -> bool:
    """Whether the viewer may enroll this student, through a team that both are in. None: any student."""
    if viewer.sees_everything or student is None:
        return scope.holds(viewer, "enrollments.create")
    teams = scope.teams_where(viewer, "enrollments.create")
    return teams.filter(memberships__user=student).exists()


def teams_with_seats(viewer: User, student: User | None) -> QuerySet[Team]:
    """Returns the teams with active seats through which the viewer may enroll this student."""
    given = SeatAssignment.objects.filter(seat__active=True).values("team")
    return scope.teams_where(viewer, "enrollments.create").filter(memberships__user=student, pk__in=given)
