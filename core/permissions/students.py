"""Who is a student, and what a viewer may do with one: enroll them, delete them."""

from collections.abc import Collection

from django.db.models import QuerySet

from core.models import Membership, SeatAssignment, Team, User
from core.permissions import scope
from core.permissions.overrides import effective


def with_rights(people: Collection[User]) -> set[int]:
    """Returns the primary keys of those of these people who hold any right here: who use the dashboard, have
    a global role, own a team, or have a permission in a team. Everybody else is a student."""
    keys = [one.pk for one in people]
    found = {
        one.pk
        for one in people
        if one.is_superuser or one.is_staff or one.is_dashboard_user or one.global_role_id is not None
    }
    found.update(Team.objects.filter(owner__in=keys).order_by().values_list("owner", flat=True))
    rows = Membership.objects.filter(user__in=keys).order_by()
    for user, permissions, overrides in rows.values_list("user", "role__permissions", "overrides"):
        if effective(permissions, overrides):
            found.add(user)
    return found


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
    if with_rights([person]):
        return False
    if viewer.sees_everything:
        return True
    own = set(scope.teams_where(viewer, "students.delete").values_list("pk", flat=True))
    teams = set(person.memberships.order_by().values_list("team", flat=True))
    return person.home_team_id in own and bool(teams) and teams <= own
