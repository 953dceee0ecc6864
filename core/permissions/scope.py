"""Who may change what of whom: permissions limited to the teams in which somebody holds them.

`has_perm` answers whether a person holds a permission anywhere; a change asks here whether they hold it for
this person, team or enrollment.
"""

from collections.abc import Collection, Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet

from core.models import (
    Enrollment,
    GroupAssignment,
    Membership,
    Product,
    Role,
    SeatAssignment,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions.backend import codes_by, codes_of
from core.permissions.codes import PERMISSIONS


def codes_everywhere(viewer: User) -> set[str]:
    """What somebody may do in every team; nothing for who belongs to teams only."""
    if not viewer.sees_everything:
        return set()
    return set(PERMISSIONS) if viewer.is_superuser else codes_of(viewer)


def codes_in(viewer: User, team_id: int) -> set[str]:
    if viewer.sees_everything:
        return codes_everywhere(viewer)
    return _held(viewer).get(team_id, set())


def teams_where(viewer: User, code: str) -> QuerySet[Team]:
    """The teams in which somebody holds a permission, archived ones left out."""
    teams = Team.objects.filter(archived_at__isnull=True)
    if viewer.sees_everything:
        return teams if code in codes_everywhere(viewer) else teams.none()
    return teams.filter(pk__in=[team for team, codes in _held(viewer).items() if code in codes])


def holds(viewer: User, code: str) -> bool:
    """Whether somebody holds a permission in some team; which rows that is about is another question."""
    if viewer.sees_everything:
        return code in codes_everywhere(viewer)
    return any(code in codes for codes in _held(viewer).values())


def holds_in(viewer: User, code: str, team: Team | None) -> bool:
    """Whether somebody holds a permission in this team, archived ones left out; None: in some team."""
    return holds(viewer, code) if team is None else teams_where(viewer, code).filter(pk=team.pk).exists()


def holds_for_the_site(viewer: User, permission: str) -> bool:
    """Whether somebody holds one of Django's permissions for what is about the whole site: runs, settings,
    what waits to be sent. A role in a team counts for nothing there, whatever codes it has."""
    return viewer.sees_everything and viewer.has_perm(permission)


def may_start_runs(viewer: User) -> bool:
    """Whether somebody may start a run. Also one about a single user, group or product spends the requests
    that all of the site share, and what it reads may change every team."""
    return holds_for_the_site(viewer, "core.run_tools")


def _held(viewer: User) -> dict[int, set[str]]:
    """What somebody may do in each of their teams; once per request, like has_perm."""
    if not viewer.is_active:
        return {}
    if not hasattr(viewer, "_codes_by_team"):
        rows = Membership.objects.filter(user=viewer).values_list("team", "role__permissions")
        viewer._codes_by_team = {team: set(codes) for team, codes in rows}  # type: ignore[attr-defined]
    return viewer._codes_by_team  # type: ignore[attr-defined]


def may_change_account(viewer: User, person: User) -> bool:
    """Whether the viewer may change a person's name, e-mail address, password or account.

    Whoever changes an e-mail address can take the account over. So a team's viewer may only where the account
    was made for a team of theirs, the home team; joining and leaving teams adds no such right. Refused for a
    person who holds a right, in any team, that the viewer does not hold there.
    """
    if person.is_superuser and not viewer.is_superuser:
        return False
    if viewer.sees_everything:
        codes = codes_everywhere(viewer)
        return "users.edit" in codes and (viewer.is_superuser or codes_of(person) <= codes)
    if person.is_staff or person.global_role_id is not None:
        return False
    if viewer.pk == person.pk:
        return holds(viewer, "users.edit")
    if person.home_team_id is None or "users.edit" not in codes_in(viewer, person.home_team_id):
        return False
    memberships = list(Membership.objects.filter(user=person).values_list("team", "role__permissions"))
    shared = any("users.edit" in codes_in(viewer, team) for team, _ in memberships)
    return shared and all(set(codes) <= codes_in(viewer, team) for team, codes in memberships)


def may_delete_account(viewer: User, person: User) -> bool:
    """Only for who sees everything: a deletion takes what other teams and the person have as well."""
    if person.is_superuser and not viewer.is_superuser:
        return False
    codes = codes_everywhere(viewer)
    return "users.delete" in codes and (viewer.is_superuser or codes_of(person) <= codes)


def may_hand_over(viewer: User, team: Team) -> bool:
    """Whether somebody may make another the owner of a team: who may do all that an owner may. Otherwise
    they could raise themselves."""
    owner = Role.objects.get(code="owner")
    return {"teams.edit", *owner.permissions} <= codes_in(viewer, team.pk)


def roles_to_give(viewer: User, team: Team | None = None) -> QuerySet[Role]:
    """The roles that somebody may give in a team (None: in any of theirs): with no permission that they do
    not hold there. A team's owner is named on the team, not by a role."""
    roles = Role.objects.filter(is_global=False).exclude(code="owner").order_by("id")
    if team is not None or viewer.sees_everything:
        held = [codes_in(viewer, team.pk)] if team is not None else [codes_everywhere(viewer)]
    else:
        held = list(_held(viewer).values())
    return roles.filter(
        pk__in=[role.pk for role in roles if any(set(role.permissions) <= codes for codes in held)]
    )


def global_roles_to_give(viewer: User) -> QuerySet[Role]:
    """The roles for everywhere that somebody may give: with no permission that they do not hold everywhere
    themselves."""
    codes = codes_everywhere(viewer)
    roles = Role.objects.filter(is_global=True).order_by("id")
    return roles.filter(
        pk__in=[role.pk for role in roles if viewer.sees_everything and codes_by(role) <= codes]
    )


def memberships_where(viewer: User, code: str) -> QuerySet[Membership]:
    """Memberships that somebody may change: in teams where they hold the permission, and of nobody whose role
    there may do more than theirs."""
    memberships = Membership.objects.filter(team__in=teams_where(viewer, code))
    if viewer.is_superuser:
        return memberships
    teams = {None: codes_everywhere(viewer)} if viewer.sees_everything else _held(viewer)
    roles = list(Role.objects.filter(is_global=False))
    allowed = Q(pk=None)
    for team, codes in teams.items():
        below = [role.pk for role in roles if set(role.permissions) <= codes]
        allowed |= Q(role__in=below) if team is None else Q(role__in=below, team=team)
    return memberships.filter(allowed)


def products_to_give(
    viewer: User, student: User | None, code: str = "enrollments.create"
) -> QuerySet[Product]:
    """What somebody may enroll this student in: managers what a team that they share has a seat on. None
    stands for any student: what they may enroll somebody in."""
    if viewer.sees_everything:
        products = Product.objects.filter(removed_at__isnull=True)
        return products if code in codes_everywhere(viewer) else products.none()
    return Product.objects.filter(pk__in=_through_seats(viewer, student, code), removed_at__isnull=True)


def enrollments_where(viewer: User, student: User | Iterable[User], code: str) -> QuerySet[Enrollment]:
    """The student's enrollments, or those of several students, that the viewer may end, shorten or extend: a
    team's viewer those that a seat of their teams gave. What another team's seat or a purchase gave stays as
    it is."""
    whose = [student] if isinstance(student, User) else list(student)
    enrollments = Enrollment.objects.filter(user__in=whose, removed_at__isnull=True).select_related(
        "product", "user"
    )
    if viewer.sees_everything:
        return enrollments if code in codes_everywhere(viewer) else enrollments.none()
    shared = Membership.objects.filter(user=OuterRef(OuterRef("user")), team=OuterRef("team"))
    seats = SeatAssignment.objects.filter(team__in=teams_where(viewer, code), product=OuterRef("product"))
    return enrollments.filter(Exists(seats.filter(Exists(shared), seat=OuterRef("last_seat"))))


def groups_where(viewer: User, code: str, student: User | None = None) -> QuerySet[ThinkificGroup]:
    """The groups that serve a team in which somebody holds the permission; with `student`, theirs."""
    groups = ThinkificGroup.objects.filter(removed_at__isnull=True)
    if viewer.sees_everything:
        return groups if code in codes_everywhere(viewer) else groups.none()
    teams = teams_where(viewer, code)
    if student is not None:
        teams = teams.filter(memberships__user=student)
    return groups.filter(pk__in=GroupAssignment.objects.filter(team__in=teams).values("group"))


def people_for_group(viewer: User, code: str, group: ThinkificGroup) -> QuerySet[User]:
    """`groups_where` from the other side: the people for whom this group is among theirs."""
    if viewer.sees_everything:
        return User.objects.all() if code in codes_everywhere(viewer) else User.objects.none()
    teams = teams_where(viewer, code).filter(group_assignments__group=group)
    return User.objects.filter(pk__in=Membership.objects.filter(team__in=teams).values("user"))


def shared_by_all(
    viewer: User, code: str, people: Collection[User], places: QuerySet, what: str
) -> set[int] | None:
    """What (a column of `places`, rows with a team) each of these people has in some team of theirs in which
    the viewer holds the permission; None where no team limits the viewer."""
    if viewer.sees_everything:
        return None
    teams = teams_where(viewer, code)
    members = Membership.objects.filter(team__in=teams, user__in=people)
    here: dict[int, set[int]] = {person.pk: set() for person in people}
    found: dict[int, set[int]] = {}
    for team, thing in places.filter(team__in=teams).order_by().values_list("team", what):
        found.setdefault(team, set()).add(thing)
    for user, team in members.values_list("user", "team"):
        here[user] |= found.get(team, set())
    return set.intersection(*here.values()) if here else set()


def _through_seats(viewer: User, student: User | None, code: str) -> QuerySet:
    teams = teams_where(viewer, code)
    if student is not None:
        teams = teams.filter(memberships__user=student)
    return Product.objects.order_by().filter(seat_assignments__team__in=teams).values("pk")
