"""Making and renaming many accounts."""

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from django.utils import timezone

from core.models import OutboxEntry, User
from core.services import outbox
from core.services.history import record_initial_state, record_many
from core.services.identity import UNUSABLE_PREFIX
from core.services.storage import bulk


class NewAccount(NamedTuple):
    """The values of an account as they are stored. `home_team` is a primary key."""

    email: str
    first_name: str
    last_name: str
    home_team: int | None
    company: str = ""
    custom_profile_fields: Sequence[dict[str, object]] = ()


PROFILE = ("company", "custom_profile_fields")


def create(people: Sequence[NewAccount], *, in_thinkific: bool, by: User | None, reason: str) -> list[int]:
    """`people.create_user` for many, without their memberships. Company and custom fields are for the account
    that is made in Thinkific, which has them from then on. The caller has checked the values
    (`people.usable_address`, `tidy_name`) and that the addresses are free. Returns the primary keys.

    Nobody can sign in before a password is set through a link by mail. Call it inside a transaction; raises
    IntegrityError when somebody else made one of the accounts meanwhile.
    """
    # Not User.set_unusable_password(), whose forty random letters take longer than the rest of the row.
    columns, width = ["email", "first_name", "last_name", "home_team_id", *PROFILE], len(NewAccount._fields)
    if not any(person.company or person.custom_profile_fields for person in people):
        width -= len(PROFILE)
    rows = [(f"{UNUSABLE_PREFIX}{secrets.token_hex(20)}", *person[:width]) for person in people]
    keys = bulk.insert(User, ["password", *columns[:width]], rows)
    record_many(User.objects.filter(bulk.among("pk", keys)), "+", by=by, reason=reason)
    if in_thinkific:
        outbox.mark_new_users(keys, reason=reason, requested_by=by)
    return keys


class Renaming(NamedTuple):
    user: int
    first_name: str
    last_name: str


def rename(people: Sequence[Renaming], *, by: User | None, reason: str) -> None:
    """`people.update_user` for the names of many: tidy, and different ones. Call it inside a transaction."""
    if not people:
        return
    keys = [person.user for person in people]
    record_initial_state(User, keys)
    users = list(User.objects.select_for_update(of=("self",)).filter(bulk.among("pk", keys)).order_by("pk"))
    making = OutboxEntry.objects.unsent().filter(bulk.among("object_id", keys), entity="user")
    being_made = set(making.values_list("object_id", flat=True))
    told = [
        user
        for user in users
        if (user.removed_at is None if user.thinkific_id is not None else user.pk in being_made)
    ]
    now = timezone.now()
    bulk.update(User, ["first_name", "last_name", "updated_at"], [(*person, now) for person in people])
    record_many(User.objects.filter(bulk.among("pk", keys)), "~", by=by, reason=reason)
    seen = {user.pk: {name: getattr(user, name) for name in User.NAMES} for user in told}
    outbox.mark_stale(told, reason=reason, last_seen=seen, requested_by=by)
