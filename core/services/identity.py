"""Protected accounts: those that an e-mail address from outside may neither link nor change.

Thinkific, a file or a form can contain any address, and nobody has proved that it is theirs. So an account
with rights here or a password is *protected*: it is never linked to a Thinkific account by the address alone,
and its login is never changed from outside. An administrator decides instead.
"""

from collections.abc import Collection

from django.db import connection
from django.db.models import Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast

from core.models import Membership, Role, Team, User
from core.permissions.overrides import ALLOW
from core.services.storage import bulk

# Django puts this before the hash of a password that nobody can sign in with.
UNUSABLE_PREFIX = "!"


def is_protected(user: User) -> bool:
    """Whether the account has rights here or a usable password. Reads the database."""
    return bool(protected_among([user.pk]))


def protected_among(pks: Collection[int], *, lock: bool = False) -> set[int]:
    """Returns the protected accounts among these (primary keys), with a constant number of queries. `lock`
    keeps others from giving one of them a password or a role until the transaction ends."""
    if not pks:
        return set()
    users = User.objects.filter(bulk.among("pk", pks))
    if lock and connection.features.has_select_for_update:
        # Locked by a separate statement: the next one then sees what was committed while this one waited.
        list(users.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    return set(users.filter(_protected()).order_by().values_list("pk", flat=True))


def _protected() -> Q:
    # Compared in Python: roles are few, and SQL for "this list is empty" differs between the databases.
    able = [
        pk for pk, codes in Role.objects.filter(is_global=False).values_list("pk", "permissions") if codes
    ]
    own = Membership.objects.filter(user=OuterRef("pk"))
    overrides = own.filter(overrides__isnull=False).annotate(text=Cast("overrides", TextField()))
    no_password = Q(password="") | Q(password__startswith=UNUSABLE_PREFIX)
    return (
        Q(is_superuser=True)
        | Q(is_staff=True)
        | Q(global_role__isnull=False)
        | ~no_password
        | Q(Exists(own.filter(role__in=able)))
        | Q(Exists(overrides.filter(text__contains=f'"{ALLOW}"')))
        | Q(Exists(Team.objects.filter(owner=OuterRef("pk"))))
    )


def describe_rights(user: User) -> list[str]:
    """Returns what the user is here, in words for a screen: "a superuser", "owner of Northfield". Empty for a
    user without rights and password."""
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
    found += [f"{row.role} in {row.team}" for row in roles.order_by("team__name") if row.codes()]
    if user.has_usable_password():
        found.append("somebody with a password here")
    return found
