"""Which people, teams and enrollments a viewer may change: permissions limited to teams.

`has_perm` tells whether the viewer holds a permission anywhere. Before a change, ask here whether the viewer
holds it for this person, team or enrollment. A viewer who "sees everything" is limited by no team; any other
is a team's viewer and holds a permission only in the teams where their role has it.
"""

from collections.abc import Collection, Iterable

from django.db.models import Exists, OuterRef, Q, QuerySet

from core.models import (
    Enrollment,
    GroupAssignment,
    Membership,
    Note,
    Product,
    Role,
    SeatAssignment,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions.backend import archived_teams, codes_by, codes_by_team, codes_of
from core.permissions.codes import FOR_THE_SITE, PERMISSIONS
from core.permissions.overrides import effective, lacking
from core.permissions.role_offers import RoleOffers, default_overrides


def codes_everywhere(viewer: User) -> set[str]:
    """Returns the codes that the viewer holds in all teams. Empty for a team's viewer."""
    if not viewer.sees_everything:
        return set()
    return set(PERMISSIONS) if viewer.is_superuser else codes_of(viewer)


def codes_in(viewer: User, team_id: int) -> set[str]:
    if viewer.sees_everything:
        return codes_everywhere(viewer)
    return codes_by_team(viewer).get(team_id, set())


def teams_where(viewer: User, code: str) -> QuerySet[Team]:
    """Returns the teams in which the viewer holds a permission, without archived ones."""
    teams = Team.objects.filter(archived_at__isnull=True)
    if viewer.sees_everything:
        return teams if code in codes_everywhere(viewer) else teams.none()
    return teams.filter(pk__in=[team for team, codes in codes_by_team(viewer).items() if code in codes])


def holds(viewer: User, code: str) -> bool:
    """Whether the viewer holds a permission in at least one team that is not archived. It does not say for
    which rows."""
    if viewer.sees_everything:
        return code in codes_everywhere(viewer)
    archived = archived_teams(viewer)
    return any(code in codes for team, codes in codes_by_team(viewer).items() if team not in archived)


def holds_in(viewer: User, code: str, team: Team | None) -> bool:
    """Whether the viewer holds a permission in this team; False for an archived one. None: in any team."""
    if team is None:
        return holds(viewer, code)
    return team.archived_at is None and code in codes_in(viewer, team.pk)


def holds_for_the_site(viewer: User, permission: str) -> bool:
    """Whether the viewer holds one of Django's permissions for things of the whole site: runs, settings,
    waiting changes. A role in a team never gives it, whatever codes the role has."""
    return viewer.sees_everything and viewer.has_perm(permission)


def holders(code: str) -> QuerySet[User]:
    """Returns the active people who hold a permission in all teams and for the site."""
    roles = [role.pk for role in Role.objects.filter(is_global=True) if code in codes_by(role)]
    return User.objects.filter(Q(is_superuser=True) | Q(global_role__in=roles), is_active=True).order_by("pk")


def may_start_runs(viewer: User) -> bool:
    """Whether the viewer may start a run. This is a right for the whole site even for a run about one user,
    group or product: it uses the request budget of the site, and can change every team."""
    return holds_for_the_site(viewer, "core.run_tools")


def may_change_account(viewer: User, person: User) -> bool:
    """Whether the viewer may change a person's name, e-mail address, password or account.

    Whoever changes an e-mail address can take the account over. So a team's viewer may do it only when the
    person's home team is a team of the viewer; that the person joined a team gives no such right. False when
    the person has a right in any team that the viewer does not have there.
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
    memberships = list(
        Membership.objects.filter(user=person).values_list("team", "role__permissions", "overrides")
    )
    shared = any("users.edit" in codes_in(viewer, team) for team, *_ in memberships)
    return shared and all(effective(*codes) <= codes_in(viewer, team) for team, *codes in memberships)


def may_delete_account(viewer: User, person: User) -> bool:
    """Whether the viewer may delete a person. Never for a team's viewer, because a deletion also destroys
    data of other teams and of the person."""
    if person.is_superuser and not viewer.is_superuser:
        return False
    codes = codes_everywhere(viewer)
    return "users.delete" in codes and (viewer.is_superuser or codes_of(person) <= codes)


def may_change_owner(viewer: User, team: Team) -> bool:
    """Whether the viewer may choose a new owner of the team. The viewer must have all rights of an owner
    there; otherwise they could give themselves more rights than they have."""
    owner = Role.objects.get(code="owner")
    begins_with = effective(owner.permissions, starting_overrides(owner))
    return {"teams.edit", *begins_with} <= codes_in(viewer, team.pk)


def starting_overrides(role: Role) -> dict[str, str] | None:
    """Returns the overrides that a new membership with this role begins with: the default permissions in the
    settings."""
    return default_overrides().get(role.code or "") or None


def roles_to_give(viewer: User, team: Team | None = None) -> QuerySet[Role]:
    """Returns the roles that the viewer may give in a team (None: in any of their teams): those that are
    offered there and begin with no permission that the viewer does not hold there. Without the owner's role,
    which `teams.change_owner` gives."""
    held: dict[int | None, set[str]]
    if viewer.sees_everything:
        held = {None if team is None else team.pk: codes_everywhere(viewer)}
    elif team is not None:
        held = {team.pk: codes_in(viewer, team.pk)}
    else:
        held = dict(codes_by_team(viewer).items())
    offers = RoleOffers.read([key for key in held if key])
    roles = Role.objects.filter(is_global=False).exclude(code="owner").order_by("id")
    given = [
        role.pk for role in roles if any(offers.may_give(role, key, codes) for key, codes in held.items())
    ]
    return roles.filter(pk__in=given)


def global_roles_to_give(viewer: User) -> QuerySet[Role]:
    """Returns the global roles that the viewer may give: those without a permission that the viewer does not
    hold in all teams. Empty for a team's viewer."""
    roles, codes = Role.objects.filter(is_global=True).order_by("id"), codes_everywhere(viewer)
    fitting = [role.pk for role in roles if viewer.sees_everything and codes_by(role) <= codes]
    return roles.filter(pk__in=fitting)


def memberships_where(viewer: User, code: str) -> QuerySet[Membership]:
    """Returns the memberships that the viewer may change: in teams where the viewer holds the permission, and
    only of members who have no permission that the viewer does not hold there."""
    memberships = Membership.objects.filter(team__in=teams_where(viewer, code))
    if viewer.is_superuser:
        return memberships
    if viewer.sees_everything:
        return memberships.filter(_at_most(codes_everywhere(viewer), viewer.team_roles))
    roles, alike = viewer.team_roles, dict[frozenset[str], list[int]]()
    for team, codes in codes_by_team(viewer).items():
        alike.setdefault(frozenset(codes), []).append(team)
    allowed = Q(pk=None)
    for shared, teams in alike.items():
        allowed |= Q(_at_most(shared, roles), team__in=teams)
    return memberships.filter(allowed)


def _at_most(codes: Collection[str], roles: list[Role]) -> Q:
    """Returns the condition that a membership gives no permission but these. Few memberships have overrides;
    only theirs are looked into."""
    below = [role.pk for role in roles if effective(role.permissions) <= set(codes)]
    exactly = Q(overrides__isnull=False)
    for code in PERMISSIONS.keys() - FOR_THE_SITE - set(codes):
        exactly &= lacking(code, [role.pk for role in roles if code in role.permissions])
    return Q(role__in=below, overrides__isnull=True) | exactly


def products_to_give(viewer: User, student: User | None) -> QuerySet[Product]:
    """Returns the products that the viewer may enroll this student in. For a team's viewer those with a seat
    of a team that both are in. `student` None: the products that the viewer may enroll any student in."""
    if viewer.sees_everything:
        products = Product.objects.filter(removed_at__isnull=True)
        return products if "enrollments.create" in codes_everywhere(viewer) else products.none()
    teams = teams_where(viewer, "enrollments.create")
    if student is not None:
        teams = teams.filter(memberships__user=student)
    given = Product.objects.order_by().filter(seat_assignments__team__in=teams)
    return Product.objects.filter(pk__in=given.values("pk"), removed_at__isnull=True)


def enrollments_where(viewer: User, student: User | Iterable[User], code: str) -> QuerySet[Enrollment]:
    """Returns the enrollments of one or several students that the viewer may end, shorten or extend. For a
    team's viewer those that a seat of their teams gave; not those from another team's seat or a purchase, and
    end dates ("enrollments.extend") only on seats that are extendable."""
    whose = [student] if isinstance(student, User) else list(student)
    enrollments = Enrollment.objects.filter(user__in=whose, removed_at__isnull=True).select_related(
        "product", "user"
    )
    if viewer.sees_everything:
        return enrollments if code in codes_everywhere(viewer) else enrollments.none()
    shared = Membership.objects.filter(user=OuterRef(OuterRef("user")), team=OuterRef("team"))
    seats = SeatAssignment.objects.filter(team__in=teams_where(viewer, code), product=OuterRef("product"))
    if code == "enrollments.extend":
        seats = seats.filter(seat__extendable=True)
    return enrollments.filter(Exists(seats.filter(Exists(shared), seat=OuterRef("last_seat"))))


def groups_where(viewer: User, code: str, student: User | None = None) -> QuerySet[ThinkificGroup]:
    """Returns the groups assigned to a team in which the viewer holds the permission; with `student`, only
    groups of teams that the student is in."""
    groups = ThinkificGroup.objects.filter(removed_at__isnull=True)
    if viewer.sees_everything:
        return groups if code in codes_everywhere(viewer) else groups.none()
    teams = teams_where(viewer, code)
    if student is not None:
        teams = teams.filter(memberships__user=student)
    return groups.filter(pk__in=GroupAssignment.objects.filter(team__in=teams).values("group"))


def people_for_group(viewer: User, code: str, group: ThinkificGroup) -> QuerySet[User]:
    """Returns the people for whom `groups_where` contains this group."""
    if viewer.sees_everything:
        return User.objects.all() if code in codes_everywhere(viewer) else User.objects.none()
    teams = teams_where(viewer, code).filter(group_assignments__group=group)
    return User.objects.filter(pk__in=Membership.objects.filter(team__in=teams).values("user"))


def shared_by_all(
    viewer: User, code: str, people: Collection[User], places: QuerySet, what: str
) -> set[int] | None:
    """Returns the values that all of these people have in common through their teams.

    `places` are rows with a team, and `what` is the column whose values are returned: for example the
    products of seat assignments. Only teams in which the viewer holds the permission count. None when the
    viewer sees everything, as then no team limits the choice.
    """
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


def own_people_where(viewer: User, code: str) -> QuerySet[User]:
    """Returns the people whose tags the viewer may change: members of teams where the viewer holds the
    permission, without guests, of whom such a team sees only the membership."""
    if viewer.sees_everything:
        return User.objects.all() if code in codes_everywhere(viewer) else User.objects.none()
    mates = Membership.objects.filter(team__in=teams_where(viewer, code))
    return User.objects.own_people_of(viewer).filter(pk__in=mates.values("user"))


def people_with_notes(viewer: User, code: str) -> QuerySet[User]:
    """Returns the people about whom the viewer may read notes ("notes.view") or write some
    ("notes.create"). For a team's viewer own people without more rights there than the viewer: a manager
    reads nothing about the owner, about an administrator, or about themselves."""
    people = own_people_where(viewer, code)
    if viewer.sees_everything:
        return people
    above = Membership.objects.filter(team__in=teams_where(viewer, code)).exclude(
        pk__in=memberships_where(viewer, code).order_by().values("pk")
    )
    people = people.exclude(pk=viewer.pk).exclude(pk__in=above.order_by().values("user"))
    return people.filter(is_staff=False, is_superuser=False, global_role__isnull=True)


def notes_where(viewer: User, code: str) -> QuerySet[Note]:
    """Returns the notes that the viewer may read. For a team's viewer those of administrators and those that
    were written for a team of the viewer, about people of `people_with_notes`."""
    notes = Note.objects.filter(user__in=people_with_notes(viewer, code).order_by().values("pk"))
    if viewer.sees_everything:
        return notes
    return notes.filter(Q(team__isnull=True) | Q(team__in=teams_where(viewer, code)))
