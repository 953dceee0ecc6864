"""What one person may do in one team, beside their role there."""

from typing import Any

from django.db.models import QuerySet
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Done, RowDialog
from core.admin.roles.permission_fields import PermissionsDialog, in_words, three_ways
from core.models import Membership, Team, User
from core.permissions import scope
from core.permissions.overrides import effective
from core.services.roles import overrides


def role_of(membership: Membership) -> str | SafeString:
    """Returns the cell with the role, and what the membership allows or denies beside it."""
    said = in_words(membership.overrides)
    role = cells.text(membership.role.name)
    return cells.lines([role, *(cells.second(text) for text in said)]) if said else role


class ChangeOverrides(RowDialog, PermissionsDialog):
    """For viewers with "teams.edit" in the team. They see the permissions that they hold there themselves."""

    slug, label, title, submit, tab = "overrides", "Permissions", "Permissions in this team", "Save", "teams"
    code = "teams.edit"
    shows_stored = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = scope.codes_in(self.viewer, self.row.team_id)
        self.add_permissions(three_ways(effective(self.row.role.permissions), self.row.overrides, own))

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet[Membership]:
        rows = scope.memberships_where(viewer, "teams.edit").select_related("team", "role", "user")
        return rows.filter(**{"team" if isinstance(obj, Team) else "user": obj})

    def locks(self) -> Team:
        """Changes of the role lock the team too."""
        return self.row.team

    def text(self) -> str:
        return (
            f"{self.row.user} is {self.row.role} in {self.row.team}. What is allowed or denied here counts "
            "before the role, and in this team only."
        )

    def carry_out(self) -> Done:
        changes = {code: value or None for code, value in self.changed().items()}
        membership = overrides.change_overrides(self.row, changes=changes, by=self.viewer)
        said = "; ".join(in_words(membership.overrides)) or "All are those of the role"
        return Done(f"Permissions of {membership.user} in {membership.team} are saved. {said}.")
