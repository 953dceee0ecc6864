"""Switching single sign-on on and off for people."""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from core.models import Membership, User
from core.permissions import scope
from core.permissions.backend import HELD, codes_by, rights_of
from core.permissions.codes import PERMISSIONS
from core.services.history import record_initial_state, record_many
from core.services.storage import bulk

CODE = "users.edit"


def may_switch(viewer: User, person: User) -> bool:
    """Whether the viewer may switch it for this person: an administrator who may change the account."""
    return viewer.sees_everything and scope.may_change_account(viewer, person)


def switchable(viewer: User, keys: Collection[int]) -> set[int]:
    """Returns those of these users (primary keys) for whom `may_switch` is true. A constant number of
    queries."""
    codes = scope.codes_everywhere(viewer)
    if CODE not in codes:
        return set()
    people = User.objects.filter(bulk.among("pk", keys)).order_by()
    if not viewer.is_superuser:
        people = people.filter(is_superuser=False)
    if codes >= set(PERMISSIONS):  # nobody has more rights
        return set(people.values_list("pk", flat=True))
    held: dict[int, list[tuple]] = {}
    rows = Membership.objects.filter(bulk.among("user", keys)).order_by()
    for user, *values in rows.values_list("user", *HELD).distinct():
        held.setdefault(user, []).append(tuple(values))
    found = set()
    for person in people.select_related("global_role"):
        role = person.global_role
        theirs = codes_by(role) if role is not None else rights_of(person, held.get(person.pk, []))
        if theirs <= codes:
            found.add(person.pk)
    return found


@transaction.atomic
def switch(users: Collection[User], *, on: bool, by: User) -> int:
    """Switch it on or off for those of these people whose account `by` may change. Returns for how many that
    changed something."""
    keys = switchable(by, [user.pk for user in users])
    rows = User.objects.select_for_update(of=("self",)).filter(bulk.among("pk", keys)).exclude(sso_enabled=on)
    changed = list(rows.order_by("pk").values_list("pk", flat=True))
    record_initial_state(User, changed)
    mine = User.objects.filter(bulk.among("pk", changed))
    mine.update(sso_enabled=on, updated_at=timezone.now())
    record_many(mine, "~", by=by, reason=f"single sign-on switched {'on' if on else 'off'}")
    return len(changed)
