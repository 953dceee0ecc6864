"""Roles: making, changing and deleting them.

Nobody can give a right that they do not hold: a role can be changed only by somebody who holds all of its
permissions in all teams, before the change and after it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.deletion import ProtectedError

from core.errors import Refusal, names
from core.folding import tidy_name
from core.models import GroupAssignment, Invitation, Membership, Role, Team, User
from core.permissions import scope
from core.permissions.backend import codes_by
from core.permissions.codes import FOR_THE_SITE, PERMISSIONS
from core.permissions.overrides import without_required
from core.services.history import signed
from core.services.storage.collisions import checked_again
from core.wording import plural

NAME_LENGTH = 100
# Their permissions do not change: an administrator has all of them, a student none. An account of somebody
# with a permission is protected, so students with one could no longer be linked to Thinkific.
FIXED = {
    "administrator": "The role Administrator always has all permissions.",
    "student": "The role Student has no permissions. Give those who need some another role, or allow single "
    "permissions on their membership.",
}


@checked_again
def create(
    *,
    name: str,
    is_global: bool = False,
    permissions: Iterable[str] = (),
    limited_to: Collection[Team] = (),
    by: User | None = None,
) -> Role:
    """Make a role. A team role is stored without the permissions that only a global role gives. Raises
    Refusal when the name is empty, too long or taken, and when `by` does not hold all of these
    permissions."""
    held = checked(_given_by(permissions, is_global=is_global), by=by)
    role = Role(name=_checked_name(name), is_global=is_global, permissions=held)
    if is_global and limited_to:
        raise Refusal("A global role applies in all teams. Leave the teams empty, or make it a team role.")
    signed(role, by=by, reason=_limits_in_words("role made", limited_to)).save()
    role.limited_to.set(limited_to)
    return role


@checked_again
def update(
    role: Role,
    *,
    name: str,
    is_global: bool | None = None,
    limited_to: Collection[Team] | None = None,
    by: User | None = None,
) -> Role:
    """Change the name of a role, whether it is global, and the teams in which it is offered (none: in all);
    None leaves the value. Raises Refusal when somebody uses the role in a way that then is not possible."""
    role = locked(role, by)
    values: dict[str, Any] = {"name": _checked_name(name, role)}
    if is_global is not None and is_global != role.is_global:
        _check_may_turn(role, is_global)
        values["is_global"] = is_global
        # Also those left from before: a role does not get rights by becoming global.
        values["permissions"] = sorted(_given_by(role.permissions, is_global=False))
    becomes_global = values.get("is_global", role.is_global)
    teams = None if limited_to is None else {team.pk: team for team in limited_to}
    before = set(role.limited_to.values_list("pk", flat=True))
    if becomes_global and teams is None and before:
        teams = {}
    if teams and becomes_global:
        raise Refusal("A global role applies in all teams. Leave the teams empty, or make it a team role.")
    if teams and role.is_builtin:
        raise Refusal(f"{role} is built in and offered in all teams.")
    if teams:
        _check_not_used_outside(role, teams)
    changed = {field: value for field, value in values.items() if getattr(role, field) != value}
    limits_change = teams is not None and teams.keys() != before
    if changed or limits_change:
        for field, value in changed.items():
            setattr(role, field, value)
        reason = (
            _limits_in_words("role changed", teams.values()) if limits_change and teams is not None else ""
        )
        signed(role, by=by, reason=reason or "role changed").save()
    if limits_change and teams is not None:
        role.limited_to.set(teams)
    return role


@transaction.atomic
def change_permissions(
    role: Role, *, add: Iterable[str] = (), remove: Iterable[str] = (), by: User | None = None
) -> Role:
    """Add permissions to a role and remove others. Its holders notice at their next request. Raises Refusal
    for a role with fixed permissions, and when `by` does not hold what the role has then."""
    role = locked(role, by)
    if role.code in FIXED:
        raise Refusal(FIXED[role.code])
    wanted = _given_by((set(role.permissions) | set(add)) - set(remove), is_global=role.is_global)
    if wanted != set(role.permissions):
        role.permissions = checked(wanted, by=by)
        signed(role, by=by, reason="permissions changed").save(update_fields=["permissions"])
    return role


@transaction.atomic
def delete(role: Role, *, by: User | None = None) -> None:
    """Delete a role. Raises Refusal for a built-in role and one that is used, with the number of people."""
    role = locked(role, by)
    if role.is_builtin:
        raise Refusal(f"{role} is built in and cannot be deleted.")
    if used := use_of(role):
        raise Refusal(f"{used} Give them another role first; then {role} can be deleted.")
    signed(role, by=by, reason="role deleted")
    try:
        role.delete()
    except ProtectedError:
        raise Refusal(f"Somebody has just got the role {role}, so it cannot be deleted.") from None


def use_of(role: Role) -> str:
    """Returns by whom and what a role is used, in one sentence with numbers; empty when it is not used."""
    people = holders(role).count()
    invited = Invitation.objects.filter(role=role).count()
    groups = GroupAssignment.objects.filter(role=role).count()
    parts = [
        plural(people, "person has this role", "people have this role") if people else "",
        plural(invited, "invitation names it", "invitations name it") if invited else "",
        plural(groups, "group gives it", "groups give it") if groups else "",
    ]
    said = ", ".join(part for part in parts if part)
    return f"{said}." if said else ""


def holders(role: Role) -> QuerySet[User]:
    """Returns the people who have the role: everywhere, or in a team."""
    if role.is_global:
        return User.objects.filter(global_role=role)
    return User.objects.filter(pk__in=Membership.objects.filter(role=role).values("user"))


def teams_of(role: Role) -> QuerySet[Team]:
    """Returns the teams that a team role applies to: those that it is limited to; without a limit, those in
    which somebody has it."""
    if role.limited_to.exists():
        return Team.objects.filter(own_roles=role)
    return Team.objects.filter(pk__in=Membership.objects.filter(role=role).values("team"))


def locked(role: Role, by: User | None) -> Role:
    """Returns the role as it is now, locked. Raises Refusal when it holds a permission that `by` lacks."""
    role = Role.objects.select_for_update().get(pk=role.pk)
    if by is not None:
        what = f"{role} has permissions that you do not have"
        check_holds(codes_by(role), scope.codes_everywhere(by), what)
    return role


def checked(permissions: Iterable[str], *, by: User | None) -> list[str]:
    codes = set(permissions)
    if unknown := codes - PERMISSIONS.keys():
        raise Refusal(f"There is no permission called {names(sorted(unknown))}.")
    if problem := without_required(codes):
        raise Refusal(problem)
    if by is not None:
        check_holds(codes, scope.codes_everywhere(by), "You cannot give permissions that you do not have")
    return sorted(codes)


def _given_by(codes: Iterable[str], *, is_global: bool) -> set[str]:
    return set(codes) if is_global else set(codes) - FOR_THE_SITE


def check_holds(codes: Collection[str], held: Collection[str], what: str) -> None:
    if missing := set(codes) - set(held):
        labels = names([PERMISSIONS[code].label for code in sorted(missing)])
        raise Refusal(f"{what}: {labels}. Ask an administrator who has them.")


def _checked_name(name: str, role: Role | None = None) -> str:
    name = tidy_name(name)
    if not name:
        raise Refusal("A role needs a name.")
    if len(name) > NAME_LENGTH:
        raise Refusal(f"The name of a role has at most {NAME_LENGTH} characters.")
    same = Role.named(name).first()
    if same is not None and (role is None or same.pk != role.pk):
        raise Refusal(f"There is a role called {same} already. Choose another name.")
    return name


def _check_may_turn(role: Role, is_global: bool) -> None:
    if role.is_builtin:
        raise Refusal(f"{role} is built in and stays a {'global' if role.is_global else 'team'} role.")
    if used := use_of(role):
        become = "global" if is_global else "a team role"
        raise Refusal(f"{used} Give them another role first; then {role} can become {become}.")


def _check_not_used_outside(role: Role, teams: Mapping[int, Team]) -> None:
    outside = ~Q(team__in=teams)
    places = [m.objects.filter(outside, role=role) for m in (Membership, Invitation, GroupAssignment)]
    keys = {key for rows in places for key in rows.order_by().values_list("team", flat=True).distinct()}
    if keys:
        others = list(Team.objects.filter(pk__in=keys).order_by("name")[:3])
        shown = names(others) if len(keys) <= 3 else f"{others[0]} and {len(keys) - 1:,} other teams"
        raise Refusal(
            f"{role} is used in {shown} too. Add these teams, or give the people there another role first."
        )


def _limits_in_words(what: str, teams: Collection[Team]) -> str:
    return f"{what}, offered in {names(list(teams))} only" if teams else f"{what}, offered in all teams"
