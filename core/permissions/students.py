"""What a viewer may do with a student: enroll them, delete them."""

from django.db.models import QuerySet

from core.models import Membership, SeatAssignment, Team, User
from core.permissions import scope
from core.permissions.overrides import effective


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


def may_delete(viewer: User, person: User) -> bool:
    """Whether the viewer may delete a person: anybody with "users.delete" (see `scope.may_delete_account`),
    and students of their own with "students.delete".

    A team's viewer deletes only students whose account was made for a team of theirs (the home team), who
    hold no right anywhere, and all of whose teams are teams in which the viewer has this permission: a
    deletion destroys what other teams have of the person too.
    """
    if scope.may_delete_account(viewer, person):
        return True
    if not scope.holds(viewer, "students.delete") or viewer.pk == person.pk:
        return False
    if (
        person.is_superuser
        or person.is_staff
        or person.is_dashboard_user
        or person.global_role_id is not None
    ):
        return False
    rows = list(Membership.objects.filter(user=person).values_list("team", "role__permissions", "overrides"))
    if any(effective(permissions, overrides) for _, permissions, overrides in rows):
        return False
    if viewer.sees_everything:
        return not person.owned_teams.exists()
    own = set(scope.teams_where(viewer, "students.delete").values_list("pk", flat=True))
    return person.home_team_id in own and bool(rows) and {team for team, *_ in rows} <= own
