"""What one membership allows or denies beside its role, and the permissions that result.

Overrides are stored on the membership: code -> ALLOW or DENY. A code that is not among them is inherited from
the role. Nothing here reads the database.
"""

from collections.abc import Iterable, Mapping

from django.db.models import Q

from core.permissions.codes import FOR_THE_SITE, PERMISSIONS, REQUIRES

ALLOW, DENY = "allow", "deny"
EFFECTS = {ALLOW, DENY}

Overrides = Mapping[str, str] | None


def effective(permissions: Iterable[str], overrides: Overrides = None) -> set[str]:
    """Returns the codes that a role gives in a team together with the overrides. Codes about the whole site
    are left out: a team never gives them, whatever is stored."""
    overrides = overrides or {}
    given = set(permissions) | {code for code, effect in overrides.items() if effect == ALLOW}
    return known(code for code in given - FOR_THE_SITE if overrides.get(code) != DENY)


def known(codes: Iterable[str]) -> set[str]:
    """Returns the codes that have an effect. A code is left out while the code that it requires is missing,
    and when this version does not know it."""
    held = set(codes) & PERMISSIONS.keys()
    return {code for code in held if REQUIRES.get(code, code) in held}


def without_required(codes: Iterable[str]) -> str:
    """Returns what is wrong when a code is chosen without the one that it requires; empty when nothing is."""
    chosen = set(codes)
    for code, required in REQUIRES.items():
        if code in chosen and required not in chosen:
            needs, needed = PERMISSIONS[code].label, PERMISSIONS[required].label
            return f"“{needs}” needs “{needed}”. Allow both, or neither."
    return ""


def holding(code: str, roles: Iterable[int], prefix: str = "") -> Q:
    """Returns the condition that a membership gives a permission: its role does (`roles` are the primary keys
    of the roles with this permission) and it is not denied, or it is allowed. `prefix` leads to the
    membership: "memberships__"."""
    override = f"{prefix}overrides__{code}"
    inherited = Q(**{f"{prefix}role__in": list(roles), f"{override}__isnull": True})
    return Q(**{override: ALLOW}) | inherited


def lacking(code: str, roles: Iterable[int]) -> Q:
    """Returns the condition that a membership does not give a permission, the opposite of `holding`."""
    override = f"overrides__{code}"
    return Q(**{override: DENY}) | Q(Q(**{f"{override}__isnull": True}), ~Q(role__in=list(roles)))
