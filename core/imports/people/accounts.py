"""The people of a chunk of lines who have an account already, and what the viewer may do with them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from core.models import Membership, User
from core.permissions import scope
from core.services.identity import protected_among
from core.services.storage import bulk


class Joined(NamedTuple):
    """A membership."""

    pk: int
    role: int
    as_guest: bool


@dataclass(slots=True)
class Account:
    pk: int
    email: str
    first_name: str
    last_name: str
    is_active: bool
    removed_at: datetime | None
    home_team: int | None
    seen: bool  # by the viewer. Of others nothing may be told
    own: bool = False  # the viewer may see and change their tags
    protected: bool = False  # no file changes their name
    changeable: bool = False  # by the viewer
    teams: dict[int, Joined] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email


_COLUMNS = (
    "pk",
    "email",
    "first_name",
    "last_name",
    "is_active",
    "removed_at",
    "home_team",
)


def find(keys: Collection[str], *, viewer: User, lock: bool) -> dict[str, Account]:
    """Returns the accounts with these addresses (`email_key`). The number of queries does not depend on how
    many there are; it is one when there are none."""
    rows = User.objects.filter(bulk.among("email_key", keys)).order_by()
    found = {
        key: Account(**dict(zip(_COLUMNS, values, strict=True)), seen=viewer.sees_everything)
        for key, *values in rows.values_list("email_key", *_COLUMNS)
    }
    if not found:
        return found
    by_pk = {account.pk: account for account in found.values()}
    if not viewer.sees_everything:
        visible = User.objects.visible_to(viewer).filter(pk__in=list(by_pk))
        for pk in visible.order_by().values_list("pk", flat=True):
            by_pk[pk].seen = True
    seen = [pk for pk, account in by_pk.items() if account.seen]
    _add_memberships(by_pk)
    own = User.objects.own_people_of(viewer).filter(pk__in=seen) if not viewer.sees_everything else None
    for pk in seen if own is None else own.order_by().values_list("pk", flat=True):
        by_pk[pk].own = True
    for pk in protected_among(seen, lock=lock):
        by_pk[pk].protected = True
    _say_who_is_changeable([by_pk[pk] for pk in seen], viewer)
    return found


def _add_memberships(by_pk: dict[int, Account]) -> None:
    rows = Membership.objects.filter(bulk.among("user_id", by_pk)).order_by()
    for user, team, pk, role, guest in rows.values_list("user", "team", "pk", "role", "as_guest"):
        by_pk[user].teams[team] = Joined(pk, role, guest)


def _say_who_is_changeable(accounts: Collection[Account], viewer: User) -> None:
    """As `scope.may_change_account`, for accounts without any right."""
    if viewer.sees_everything:
        may = "users.edit" in scope.codes_everywhere(viewer)
        for account in accounts:
            account.changeable = may
        return
    editing = set(scope.teams_where(viewer, "users.edit").values_list("pk", flat=True))
    for account in accounts:
        account.changeable = account.home_team in editing and not editing.isdisjoint(account.teams)
