"""What a membership allows or denies beside its role, and the default permissions of new members."""

from collections.abc import Mapping

from django.db import transaction

from core.errors import Refusal, names
from core.models import Membership, Role, SiteSettings, Team, User
from core.permissions import scope
from core.permissions.codes import FOR_THE_SITE, PERMISSIONS
from core.permissions.overrides import ALLOW, DENY, EFFECTS, effective, without_required
from core.services.history import signed
from core.services.roles.roles import check_holds, checked, locked

WITH_DEFAULTS = ("owner", "manager")  # roles whose new members begin with the default permissions


@transaction.atomic
def change_overrides(
    membership: Membership, *, changes: Mapping[str, str | None], by: User | None = None
) -> Membership:
    """Change what one membership allows or denies beside its role: code -> allow, deny, or None for what the
    role says. Raises Refusal when the member then has a permission that `by` does not hold in the team, and
    when a team manager gives a guest more rights."""
    # As for a change of the role, the team is locked: each reads what the other has stored.
    Team.objects.select_for_update(of=("self",)).get(pk=membership.team_id)
    membership = Membership.objects.select_related("role", "team", "user").get(pk=membership.pk)
    before = membership.codes()
    overrides = merged(membership.overrides, changes)
    _check_are_overrides(overrides, changes)
    if problem := problem_with(membership.role, overrides):
        raise Refusal(problem)
    after = effective(membership.role.permissions, overrides)
    if by is not None:
        if not scope.memberships_where(by, "teams.edit").filter(pk=membership.pk).exists():
            raise Refusal(f"You cannot change what {membership.user} may do in {membership.team}.")
        check_holds(
            after, scope.codes_in(by, membership.team_id), "You cannot give permissions that you do not have"
        )
        if membership.as_guest and not by.sees_everything and after - before:
            raise Refusal(
                f"{membership.user} is a guest: the account belongs elsewhere. Only an administrator can "
                "allow guests more than their role."
            )
    if overrides != (membership.overrides or {}):
        membership.overrides = overrides or None
        signed(membership, by=by, reason="permissions changed").save(update_fields=["overrides"])
    return membership


@transaction.atomic
def change_default_overrides(
    role: Role, *, changes: Mapping[str, str | None], by: User | None = None
) -> dict[str, str]:
    """Change what new members with this role begin with: code -> allow, deny, or None for what the role says.
    Present members keep what they have. Returns the new defaults of the role. Raises Refusal when `by` does
    not hold what new members would get."""
    if role.code not in WITH_DEFAULTS:
        raise Refusal("Only new owners and managers begin with default permissions.")
    role = locked(role, by)
    settings = SiteSettings.objects.select_for_update().get(pk=SiteSettings.load().pk)
    stored = settings.default_overrides or {}
    overrides = merged(stored.get(role.code), changes)
    _check_are_overrides(overrides, changes)
    checked(effective(role.permissions, overrides), by=by)
    if problem := problem_with(role, overrides):
        raise Refusal(problem)
    if overrides != (stored.get(role.code) or {}):
        settings.default_overrides = {**stored, role.code: overrides}
        signed(settings, by=by, reason=f"default permissions of {role} changed").save(
            update_fields=["default_overrides"]
        )
    return overrides


def _check_are_overrides(overrides: Mapping[str, str], changes: Mapping[str, str | None]) -> None:
    if not set(overrides.values()) <= EFFECTS or not overrides.keys() <= PERMISSIONS.keys():
        raise Refusal("Choose allow, deny or inherit for permissions that there are.")
    if labels := [PERMISSIONS[code].label for code in sorted(FOR_THE_SITE) if changes.get(code) == ALLOW]:
        raise Refusal(f"Only a global role gives {names(labels)}: it is about the whole dashboard.")


def merged(stored: Mapping[str, str] | None, changes: Mapping[str, str | None]) -> dict[str, str]:
    """Returns overrides after these changes; None removes one."""
    found = {**(stored or {}), **changes}
    return {code: effect for code, effect in found.items() if effect is not None}


def problem_with(role: Role, overrides: Mapping[str, str]) -> str:
    """Returns what is wrong with overrides of this role, if a permission lacks the one that it requires."""
    given = {*role.permissions, *(code for code, effect in overrides.items() if effect == ALLOW)}
    return without_required(code for code in given if overrides.get(code) != DENY)
