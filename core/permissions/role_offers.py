"""Where roles for teams are offered, and with which permissions somebody begins who gets one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from core.models import Role, SiteSettings
from core.permissions.overrides import effective


def default_overrides() -> dict[str, dict[str, str]]:
    """Returns the default permissions of the settings for new memberships, by the code of the role."""
    return SiteSettings.load().default_overrides or {}


@dataclass(frozen=True)
class RoleOffers:
    limited: frozenset[int]  # roles that are offered in some teams only
    offered: frozenset[tuple[int, int]]  # role and team, for those
    defaults: Mapping[str, Mapping[str, str]]  # `default_overrides`

    @classmethod
    def read(cls, teams: Collection[int] | None = None) -> Self:
        """Reads all of it, or only what is offered in these teams (primary keys)."""
        limits = Role.limited_to.through.objects.order_by()
        limited = frozenset(limits.values_list("role", flat=True).distinct())
        here = limits if teams is None else limits.filter(team__in=teams)
        offered = frozenset(here.values_list("role", "team")) if limited else frozenset()
        return cls(limited, offered, default_overrides())

    def takes(self, role: Role, team: int | None) -> bool:
        """Whether the role is offered in the team (None: in any)."""
        return role.pk not in self.limited or team is None or (role.pk, team) in self.offered

    def may_give(self, role: Role, team: int | None, codes: Collection[str]) -> bool:
        """Whether somebody with these codes in the team may give the role there: it begins with no permission
        that they do not hold. Not the owner's, which `teams.change_owner` gives."""
        if role.is_global or role.code == "owner" or not self.takes(role, team):
            return False
        return self.begins_with(role) <= set(codes)

    def overrides(self, role: Role) -> dict[str, str] | None:
        """Returns the overrides that a new membership with this role begins with."""
        return dict(self.defaults.get(role.code or "") or {}) or None

    def begins_with(self, role: Role) -> set[str]:
        """Returns the codes that a new membership with this role gives."""
        return effective(role.permissions, self.overrides(role))
