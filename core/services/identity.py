"""Whose account it is: which accounts an e-mail address that comes from outside may neither link nor rename.

Thinkific, a file or a form may name any address; nobody has proved that it is theirs. So an account that has
rights here or a password is *protected*: what arrives never links it by its address alone and never changes
its login. An administrator decides instead.
"""

from collections.abc import Collection

from django.db import connection
from django.db.models import Exists, OuterRef, Q

from core.models import Membership, Role, Team, User
from core.services.storage import bulk

# What Django writes in front of a password with which nobody can sign in.
UNUSABLE_PREFIX = "!"


def is_protected(user: User) -> bool:
    """Whether the account has rights here or a password that works, as the database has it now."""
    return bool(protected_among([user.pk]))


def protected_among(pks: Collection[int], *, lock: bool = False) -> set[int]:
    """Those of these accounts (primary keys) that are protected, by a constant number of queries. With `lock`
    nobody gives one of them a password or a role until the transaction ends."""
    if not pks:
        return set()
    users = User.objects.filter(bulk.among("pk", pks))
    if lock and connection.features.has_select_for_update:
        # Locked by a statement of its own: the next one then sees what was committed while it waited.
        list(users.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    return set(users.filter(_protected()).order_by().values_list("pk", flat=True))


def _protected() -> Q:
    # Roles are few, and "is this list empty" is another question in each database.
    able = [
        pk for pk, codes in Role.objects.filter(is_global=False).values_list("pk", "permissions") if codes
    ]
    own = Membership.objects.filter(user=OuterRef("pk"))
    no_password = Q(password="") | Q(password__startswith=UNUSABLE_PREFIX)
    return (
        Q(is_superuser=True)
        | Q(is_staff=True)
        | Q(global_role__isnull=False)
        | ~no_password
        | Exists(own.filter(role__in=able))
        | Exists(Team.objects.filter(owner=OuterRef("pk")))
    )


def standing(user: User) -> list[str]:
    """What somebody is here, for people to read: "superuser", "owner of Northfield". Empty for who has no
    rights and no password."""
    found = []
    if user.is_superuser:
        found.append("a superuser")
    if user.global_role is not None:
        found.append(f"{user.global_role} in the whole dashboard")
    elif user.is_staff and not user.is_superuser:
        found.append("marked as an administrator")
    owned = list(user.owned_teams.order_by("name"))
    found += [f"owner of {team}" for team in owned]
    roles = Membership.objects.filter(user=user).exclude(team__in=owned).select_related("team", "role")
    found += [f"{row.role} in {row.team}" for row in roles.order_by("team__name") if row.role.permissions]
    if user.has_usable_password():
        found.append("somebody with a password here")
    return found
