"""Who may do what: Django's permission checks, answered from roles."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from core.folding import normalize_email
from core.models import Membership, Role, User
from core.permissions.codes import PERMISSIONS


def codes_by(role: Role) -> set[str]:
    """What a global role gives. Administrators hold every permission, those that later versions add
    included."""
    return set(PERMISSIONS) if role.code == "administrator" else set(role.permissions)


def codes_of(user: User) -> set[str]:
    """The codes of every role the user holds, global or in any team. Which team is a matter of rows:
    `visible_to` limits those."""
    if user.global_role is not None:
        return codes_by(user.global_role)
    held = Membership.objects.filter(user=user).values_list("role__permissions", flat=True)
    return {code for permissions in held.order_by().distinct() for code in permissions}


class RoleBackend(ModelBackend):
    """Signs people in by e-mail, ignoring case, and answers `has_perm` from their roles."""

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
            codes = codes_of(user_obj)
            user_obj._role_permissions = set().union(
                *(PERMISSIONS[code].grants for code in codes if code in PERMISSIONS)
            )
        return user_obj._role_permissions


def rights_of(user: User) -> set[str]:
    """Every code that any role of the user gives: the global one and those in teams. More than `codes_of`,
    which lets a global role stand for all, and so right where two people's rights are compared."""
    held = Membership.objects.filter(user=user).values_list("role__permissions", flat=True)
    codes = {code for permissions in held.order_by().distinct() for code in permissions}
    return codes if user.global_role is None else codes | codes_by(user.global_role)


def may_impersonate(*, hijacker: User, hijacked: User) -> bool:
    """Whether one person may act as another: who sees everything and has every right that the other has in
    any team. Refused for superusers, oneself, switched-off accounts, and while acting as another."""
    if not (hijacker.is_active and hijacked.is_active) or hijacked.is_superuser or hijacker.pk == hijacked.pk:
        return False
    if getattr(hijacker, "is_hijacked", False) or not hijacker.sees_everything:
        return False
    if not hijacker.has_perm("core.impersonate_user"):
        return False
    if hijacker.is_superuser:
        return True
    return (hijacker.is_staff or not hijacked.is_staff) and rights_of(hijacked) <= codes_of(hijacker)
