"""Members whose role a file changes."""

from collections.abc import Callable, Sequence

from django.db.models import F

from core.imports.people.rows import Row
from core.models import Membership, User
from core.permissions import scope
from core.permissions.role_offers import RoleOffers


def check(
    rows: Sequence[Row], viewer: User, offers: RoleOffers, wrong: Callable[[Row, str, str], None]
) -> None:
    """Say with `wrong` which of these roles the viewer may not change: the owner's, and those of people with
    more rights. The number of queries does not depend on how many there are."""
    keys = [joined.pk for row in rows for _, joined, _ in row.changes]
    if not keys:
        return
    may = scope.memberships_where(viewer, "teams.assign").filter(pk__in=keys)
    allowed = set(may.order_by().values_list("pk", flat=True))
    owners = Membership.objects.filter(pk__in=keys, team__owner=F("user"))
    owned = set(owners.values_list("pk", flat=True))
    for row in rows:
        for team, joined, role in row.changes:
            if joined.pk in owned:
                text = f"{row.account} owns {team}. Use Change Owner on the team's page."
            elif joined.pk not in allowed:
                text = f"You cannot change {row.account}'s role in {team}. Empty the cell."
            elif joined.as_guest and offers.begins_with(role) and not viewer.sees_everything:
                text = f"{row.account} is a guest in {team} and cannot become {role}. Empty the cell."
            else:
                continue
            wrong(row, "role", text)
