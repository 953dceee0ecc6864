"""Django's permission checks, answered from the roles that a user holds."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from core.folding import normalize_email
from core.models import Membership, Role, User
from core.permissions.codes import PERMISSIONS
from core.permissions.overrides import effective, known


def codes_by(role: Role) -> set[str]:
    """Returns the codes that a role gives. The administrator's role has every code, also those that a later
    version adds."""
    if role.code == "administrator":
        return set(PERMISSIONS)
    return known(role.permissions) if role.is_global else effective(role.permissions)


def codes_of(user: User) -> set[str]:
    """Returns the codes of the user's global role; without one, those of all memberships together.
    `visible_to` and core/permissions/scope.py say for which rows a code from a team applies."""
    return _codes_in_teams(user) if user.global_role is None else codes_by(user.global_role)


# What of a membership gives permissions: lookups.
HELD = ("role__permissions", "overrides")


def _codes_in_teams(user: User) -> set[str]:
    """Returns the codes of all memberships of the user together. Cached for the request."""
    if not hasattr(user, "_codes_in_teams"):
        held = Membership.objects.filter(user=user).values_list(*HELD).order_by().distinct()
        user._codes_in_teams = _codes_from(held)  # type: ignore[attr-defined]
    return user._codes_in_teams  # type: ignore[attr-defined]


def _codes_from(held: Iterable[tuple]) -> set[str]:
    return set().union(*(effective(permissions or (), overrides) for permissions, overrides in held))


def codes_by_team(user: User) -> dict[int, set[str]]:
    """Returns the user's codes by team (primary key); empty for a switched-off account. Cached for the
    request, like has_perm."""
    if not user.is_active:
        return {}
    if not hasattr(user, "_codes_by_team"):
        read = ("team", "role__permissions", "overrides", "team__archived_at")
        rows = list(Membership.objects.filter(user=user).order_by().values_list(*read))
        held = {team: effective(permissions, overrides) for team, permissions, overrides, _ in rows}
        user._codes_by_team = held  # type: ignore[attr-defined]
        user._archived_teams = {team for team, *_, archived in rows if archived}  # type: ignore[attr-defined]
    return user._codes_by_team  # type: ignore[attr-defined]


def archived_teams(user: User) -> set[int]:
    """Returns the archived teams (primary keys) among those of `codes_by_team`."""
    return user._archived_teams if codes_by_team(user) else set()  # type: ignore[attr-defined]


class RoleBackend(ModelBackend):
    """Signs users in by e-mail address, ignoring case, and answers `has_perm` from their roles."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        email = username or kwargs.get("email")
        return super().authenticate(
            request, username=normalize_email(email) if email else None, password=password, **kwargs
        )

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if user_obj.is_superuser:
            return super().get_all_permissions(user_obj)
        if not hasattr(user_obj, "_role_permissions"):
            in_teams = user_obj.global_role_id is None
            codes = set().union(*codes_by_team(user_obj).values()) if in_teams else codes_of(user_obj)
            user_obj._role_permissions = set().union(
                *(PERMISSIONS[code].grants for code in codes if code in PERMISSIONS)
            )
        return user_obj._role_permissions


def rights_of(user: User, held: Iterable[tuple] | None = None) -> set[str]:
    """Returns the codes of the user's global role and of all memberships. Use it to compare the rights of two
    people: `codes_of` leaves out the memberships when there is a global role. `held`: the values of HELD of
    the user's memberships, where they have been read."""
    codes = _codes_in_teams(user) if held is None else _codes_from(held)
    return codes if user.global_role is None else codes | codes_by(user.global_role)


def may_impersonate(*, hijacker: User, hijacked: User, rights: set[str] | None = None) -> bool:
    """Whether the hijacker may act as the hijacked user. The hijacker must see all teams and have every right
    that the other has in any team (`rights`, where they are known). False for superusers, oneself and
    switched-off accounts, and while the hijacker is acting as somebody already."""
    if not (hijacker.is_active and hijacked.is_active) or hijacked.is_superuser or hijacker.pk == hijacked.pk:
        return False
    if getattr(hijacker, "is_hijacked", False) or not hijacker.sees_everything:
        return False
    if not hijacker.has_perm("core.impersonate_user"):
        return False
    if hijacker.is_superuser:
        return True
    if hijacked.is_staff and not hijacker.is_staff:
        return False
    return (rights_of(hijacked) if rights is None else rights) <= codes_of(hijacker)


def impersonable(hijacker: User, keys: Iterable[int]) -> set[int]:
    """Returns those of these users (primary keys) whom the hijacker may act as. Two queries."""
    if not hijacker.sees_everything or not hijacker.has_perm("core.impersonate_user"):
        return set()
    people = list(User.objects.filter(pk__in=list(keys)).select_related("global_role").order_by())
    held: dict[int, list[tuple]] = {person.pk: [] for person in people}
    rows = Membership.objects.filter(user__in=people).order_by().values_list("user", *HELD).distinct()
    for user, *values in rows:
        held[user].append(tuple(values))
    return {
        person.pk
        for person in people
        if may_impersonate(hijacker=hijacker, hijacked=person, rights=rights_of(person, held[person.pk]))
    }
