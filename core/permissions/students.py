"""Who is a student, and what a viewer may do with one: enroll them, delete them."""

from collections.abc import Collection
from functools import cache
from typing import Any, NoReturn

from django.db import DEFAULT_DB_ALIAS
from django.db.models import BooleanField, Expression, F, OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import IsNull

from core.models import Membership, Role, SeatAssignment, Team, User
from core.models.people import UserQuerySet
from core.permissions import scope
from core.permissions.overrides import ALLOW, effective

WORKS_HERE = (
    Q(is_dashboard_user=True) | Q(is_staff=True) | Q(is_superuser=True) | Q(global_role__isnull=False)
)
ALLOWING = Q(text__contains=f'"{ALLOW}"')  # a permission, of a membership with `text` (`_told`)


def every_student() -> UserQuerySet:
    """Returns all students: people with the role Student in a team, who may be users of the dashboard as
    well, and people who hold no right here, as those who came from Thinkific. A role with permissions, or a
    permission that a membership allows, is a right. Quick for a few of many rows; `count` counts them."""
    found: UserQuerySet = User.objects.filter(_IsStudent())
    return found


def count(people: UserQuerySet) -> int:
    """Returns how many of these people are students. Those who are not are few: it is quicker to count these
    than to ask `every_student` about everybody."""
    roles = list(Role.objects.exclude(permissions=[]).values_list("pk", flat=True))
    memberships = Membership.objects.order_by()
    # A union of primary keys: for an OR the database would ask about every person.
    able = (
        User.objects.order_by()
        .filter(WORKS_HERE)
        .values("pk")
        .union(
            Team.objects.order_by().values("owner"),
            memberships.filter(role__in=roles).values("user"),
            _told(memberships.filter(overrides__isnull=False)).filter(ALLOWING).values("user"),
        )
    )
    others = people.order_by().filter(pk__in=able).filter(~_there(_own().filter(role__code="student")))
    return people.order_by().count() - others.count()


class _IsStudent(Expression):
    """The condition that a person is a student, written once: Django would take longer to write it than the
    database needs for a page. It is about the table of a query, and not of a query within another."""

    conditional, output_field = True, BooleanField()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return _student_condition()

    def relabeled_clone(self, relabels: Any) -> NoReturn:
        raise NotImplementedError(
            "Students are asked for by a query of their own, not by one within another."
        )


@cache
def _student_condition() -> tuple[str, tuple]:
    owned = Team.objects.filter(owner=OuterRef("pk")).order_by()
    rights = _told(_own()).filter(~Q(role__permissions=[]) | ALLOWING)
    without_rights = ~WORKS_HERE & ~_there(owned) & ~_there(rights)
    rows = User.objects.filter(_there(_own().filter(role__code="student")) | without_rights).order_by()
    compiler = rows.query.get_compiler(DEFAULT_DB_ALIAS)
    compiler.pre_sql_setup()
    sql, values = compiler.compile(rows.query.where)
    return f"({sql})", tuple(values)


def _own() -> QuerySet[Membership]:
    return Membership.objects.filter(user=OuterRef("pk")).order_by()


def _told(memberships: QuerySet[Membership]) -> QuerySet[Membership]:
    """Returns the memberships with their overrides as `text`, for ALLOWING."""
    return memberships.alias(text=Cast("overrides", TextField()))


def _there(rows: QuerySet) -> Q:
    """Returns the condition that there is such a row. For EXISTS within an OR, PostgreSQL would read all rows
    of the table first, also for one person."""
    return Q(IsNull(Subquery(rows.values("pk")[:1]), False))


def personal_memberships() -> QuerySet[Membership]:
    """Returns the memberships of students in personal teams: each says to which user, the team's owner, a
    student is assigned."""
    personal = Q(team__is_personal=True) | Q(team__owner__primary_team=F("team"))
    return Membership.objects.filter(personal, role__code="student")


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
