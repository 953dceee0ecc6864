"""What a viewer may do with a student: enroll them."""

from core.models import User
from core.permissions import scope


def may_enroll(viewer: User, student: User | None) -> bool:
    """Whether the viewer may enroll this student, through a team that both are in. None: any student."""
    if viewer.sees_everything or student is None:
        return scope.holds(viewer, "enrollments.create")
    teams = scope.teams_where(viewer, "enrollments.create")
    return teams.filter(memberships__user=student).exists()
