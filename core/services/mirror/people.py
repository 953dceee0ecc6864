"""Stores users as Thinkific has them."""

from collections.abc import Callable, Collection, Container
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from django.db.models import Q

from core.folding import email_key
from core.models import OutboxEntry, SiteSettings, User
from core.services import existing_accounts, logins
from core.services.history import record_initial_state
from core.services.mirror import former_accounts, returned_people
from core.services.mirror.outcome import Applied, Clash
from core.services.mirror.protected_accounts import Guarded, guard
from core.services.mirror.source import Source
from core.services.mirror.table import (
    Changes,
    Table,
    Values,
    compare,
    mark_removed,
    remember,
    write,
)
from core.services.mirror.unsent import waiting_or_just_sent
from core.services.storage import bulk

Stored = tuple[int, Values]  # primary key, values


USERS = Table(
    model=User,
    fields=(
        *User.SHARED,
        "company",
        "external_source",
        "thinkific_roles",
        "custom_profile_fields",
        "thinkific_created_at",
        "removed_at",
    ),
    tracked=frozenset({*User.SHARED, "removed_at"}),
    stamp=("thinkific_id", "remote_digest", "synced_at", "updated_at"),
)


class Owner(NamedTuple):
    """The account that has an e-mail address."""

    pk: int
    thinkific_id: int | None
    values: Values

    @property
    def is_free(self) -> bool:
        """Whether the account has no Thinkific account (any more). Then the Thinkific user with its address
        is taken for the same person."""
        return self.thinkific_id is None or self.values["removed_at"] is not None


class Matched(NamedTuple):
    """Rows, each with the stored account that it belongs to."""

    pairs: list[tuple[Values, Stored | None]]
    links: dict[int, int]  # primary key -> Thinkific id, of accounts recognised by their address
    refused: list[tuple[Values, Stored | None, str]]  # address belongs to another user; the text says to whom
    deleted: set[int]  # Thinkific ids of users deleted here; this may not have reached Thinkific yet
    clashes: list[Clash]  # an administrator decides; the rows are in `pairs` without the change, or withheld
    withheld: set[int]  # Thinkific ids of rows left out because of a clash
    in_the_way: set[int]  # Thinkific ids of the accounts here that have the addresses of `refused`


def apply_users(
    rows: list[Values],
    *,
    source: Source,
    known: Container[int] | None = None,
    contested: list[int] | None = None,
) -> Applied:
    """Store users. Each row has the fields of USERS, `thinkific_id`, `remote_digest` and `synced_at`. `known`
    are the Thinkific ids among the rows that are stored, if the caller knows them.

    Rows are matched by Thinkific id, then by the address of an account without a Thinkific account. A user
    who is linked with another Thinkific account than before loses what the former one had. A protected
    account (core/services/identity.py) is neither linked by its address nor given another one: the row
    becomes a Clash in the conflicts.

    A row whose address belongs to another account changes nothing and becomes an issue, as accounts are never
    merged. With `contested` the Thinkific ids of such rows are added to that list instead: a later page of
    the caller may change the owner's address.
    """
    applied = Applied()
    matched = match_users(rows, known, lock=True)
    for row, have, why in matched.refused:
        if contested is None:
            number = row["thinkific_id"]
            applied.fail(f"User {number}", why, pk=have[0] if have else None, number=number)
        else:
            contested.append(row["thinkific_id"])
            applied.met += [have[0]] if have else []
            applied.lost |= set() if have else {row["thinkific_id"]}
    applied.leave_out(matched.deleted | matched.withheld)
    applied.conflicts += matched.clashes
    applied.withheld |= matched.withheld

    if matched.links:
        former_accounts.remove_former_data(matched.links, source=source, now=rows[0]["synced_at"])
    changes = compare(USERS, matched.pairs, applied)
    _date_back(changes)
    came_back = returned_people.among([*changes.new, *_linked(matched)])
    freed = _free_swapped_emails(changes)
    links = matched.links
    write(changes, applied, source=source, extra=("created_at", "password", "is_active"), links=links)
    written = {pk for pk, _, _ in changes.changed}
    bulk.update(User, ["email"], [(pk, email) for pk, email in freed.items() if pk not in written])
    remember(changes, applied, links, source=source)
    existing_accounts.found_in_thinkific(_not_made_here(links))
    returned_people.note(came_back)
    logins.changed_in_thinkific(
        [(pk, before["email"], after["email"]) for pk, before, after in changes.changed]
    )
    return applied


def _date_back(changes: Changes) -> None:
    """Set `created_at` to Thinkific's time where that is earlier. An account that was made because of an
    enrollment was stored without Thinkific's time."""
    told = "thinkific_created_at"
    if all(before[told] == after[told] for _, before, after in changes.changed):
        return
    rows = User.objects.filter(bulk.among("pk", [pk for pk, _, _ in changes.changed])).order_by()
    here = dict(rows.values_list("pk", "created_at"))
    for pk, before, after in changes.changed:
        before["created_at"] = here[pk]
        after["created_at"] = min(here[pk], after[told] or here[pk])
    table = changes.table
    changes.table = replace(table, stamp=(*table.stamp, "created_at"), tracked=table.tracked | {"created_at"})


def _linked(matched: Matched) -> list[Values]:
    return [row for row, have in matched.pairs if have is not None and have[0] in matched.links]


def _not_made_here(links: Collection[int]) -> set[int]:
    """Returns the users (primary keys) whose Thinkific account we did not ask Thinkific to make."""
    if not links:
        return set()
    making = OutboxEntry.objects.filter(bulk.among("object_id", links), entity="user")
    sent = making.filter(Q(status=OutboxEntry.Status.IN_FLIGHT) | Q(uncertain=True))
    return set(links) - set(sent.values_list("object_id", flat=True))


def match_users(rows: list[Values], known: Container[int] | None = None, *, lock: bool = False) -> Matched:
    """Returns each row with the stored account that it belongs to. Only reads. `lock` keeps accounts that
    will be linked, or get another address, from becoming protected before the transaction ends."""
    rows = list({row["thinkific_id"]: row for row in rows}.values())
    by_id = USERS.stored_of(rows, known)
    # Addresses that do not change cannot collide, so only changed and new ones are looked up.
    kept = {number: values["email"] for number, (_, values) in by_id.items()}
    owners = _owners(
        {email_key(row["email"]) for row in rows if kept.get(row["thinkific_id"]) != row["email"]}
    )
    deleted = deleted_here([row["thinkific_id"] for row in rows if row["thinkific_id"] not in by_id])
    guarded = guard(
        [row for row in rows if row["thinkific_id"] not in deleted],
        by_id,
        {key: (owner.pk, owner.values) for key, owner in owners.items() if owner.is_free},
        lock=lock,
    )
    return _sort(guarded, by_id, owners, deleted)


def _sort(guarded: Guarded, by_id: dict[Any, Stored], owners: dict[str, Owner], deleted: set[int]) -> Matched:
    rows = guarded.rows
    refused = _refused(rows, by_id, owners)
    matched = Matched([], {}, [], deleted, guarded.clashes, guarded.withheld, set())
    placeholders = cache(_placeholders)
    for row in rows:
        have, owner = by_id.get(row["thinkific_id"]), owners.get(email_key(row["email"]))
        if row["thinkific_id"] in refused:
            why = f"{row['email']} already belongs to {refused[row['thinkific_id']]}. Change one of the two "
            matched.refused.append((row, have, f"{why}e-mail addresses in Thinkific."))
            if owner is not None and owner.thinkific_id is not None and not owner.is_free:
                matched.in_the_way.update({owner.thinkific_id} - {row["thinkific_id"]})
            continue
        if have is None and owner is not None and owner.is_free:
            have = (owner.pk, owner.values)
            matched.links[owner.pk] = row["thinkific_id"]
        matched.pairs.append((_without_fillings(row, have[1], placeholders) if have else row, have))
    return matched


def deleted_here(thinkific_ids: Collection[int]) -> set[int]:
    """Returns the users (Thinkific ids) who were deleted here, as long as a pull may still find them: until
    the deletion was sent, and for JUST_SENT after it. A pull must not bring back a deleted user."""
    if not thinkific_ids:
        return set()
    deletions = OutboxEntry.objects.filter(waiting_or_just_sent(), entity="user")
    found = deletions.filter(bulk.among("thinkific_id", thinkific_ids))
    return {key for key in found.values_list("thinkific_id", flat=True) if key is not None}


def _without_fillings(row: Values, have: Values, placeholders: Callable[[], set[str]]) -> Values:
    """Returns the row with empty names where ours are empty and Thinkific has our replacement. Thinkific
    needs names, so a push sends the first part of the address, or the placeholder of the settings."""
    if not have["first_name"] and row["first_name"] == row["email"].partition("@")[0]:
        row = row | {"first_name": ""}
    told = row["last_name"]
    if told and not have["last_name"] and told in placeholders():
        row = row | {"last_name": ""}
    return row


def _placeholders() -> set[str]:
    """Returns the placeholder of the settings and all former ones: Thinkific keeps the one that was sent."""
    settings = SiteSettings.load()
    former = settings.history.order_by().values_list("placeholder_last_name", flat=True).distinct()
    default = SiteSettings._meta.get_field("placeholder_last_name").default
    return {settings.placeholder_last_name, default, *former}


def _owners(keys: Collection[str]) -> dict[str, Owner]:
    """Returns the accounts with these addresses, by `email_key`."""
    if not keys:
        return {}
    rows = User.objects.filter(bulk.among("email_key", keys)).order_by()
    owners = {}
    for pk, thinkific_id, key, *fields in rows.values_list("pk", "thinkific_id", "email_key", *USERS.fields):
        owners[key] = Owner(pk, thinkific_id, dict(zip(USERS.fields, fields, strict=True)))
    return owners


def _refused(
    rows: list[Values], by_id: dict[Any, tuple[int, Values]], owners: dict[str, Owner]
) -> dict[int, str]:
    """Returns the rows (by Thinkific id) whose address belongs to another account, with a text that says
    which.

    An address is free when its owner gets another one in these rows (two users may have swapped theirs),
    unless the owner's row is refused itself. So this is repeated until nothing changes.
    """
    moving = {
        row["thinkific_id"]
        for row in rows
        if row["thinkific_id"] in by_id and by_id[row["thinkific_id"]][1]["email"] != row["email"]
    }
    refused: dict[int, str] = {}
    while True:
        found = dict(refused)
        taken: dict[str, int] = {}
        # Users who keep their address come first: they keep it, whatever the order of the rows.
        for row in sorted(
            rows, key=lambda row: row["thinkific_id"] not in by_id or row["thinkific_id"] in moving
        ):
            number, email = row["thinkific_id"], email_key(row["email"])
            if number in refused:
                continue
            owner = owners.get(email)
            if owner is not None and owner.thinkific_id != number and not owner.is_free:
                if owner.thinkific_id not in moving or owner.thinkific_id in refused:
                    found[number] = f"the account of Thinkific user {owner.thinkific_id}"
            elif owner is not None and owner.thinkific_id != number and number in by_id:
                found[number] = "an account that is not in Thinkific"
            if number not in found and taken.setdefault(email, number) != number:
                found[number] = f"Thinkific user {taken[email]}"
        if found == refused:
            return refused
        refused = found


def _free_swapped_emails(changes: Changes) -> dict[int, str]:
    """Replace old addresses temporarily when another row gets one of them, so that updates and inserts do not
    collide in any order. Returns the replaced addresses by primary key."""
    changed = [
        (pk, before["email"], email_key(after["email"]))
        for pk, before, after in changes.changed
        if before["email"] != after["email"] and email_key(before["email"]) != email_key(after["email"])
    ]
    moving = {pk: before for pk, before, _ in changed}
    targets = {key for *_, key in changed} | {email_key(row["email"]) for row in changes.new}
    if targets.isdisjoint(map(email_key, moving.values())):
        return {}
    record_initial_state(User, moving)
    bulk.update(User, ["email"], [(pk, f"moving-{pk}@invalid") for pk in moving])
    return moving


def remove_users(pks: list[int], *, source: Source, now: datetime) -> int:
    """Mark users (primary keys) as removed from Thinkific. Their accounts, teams and results stay."""
    return mark_removed(User, pks, source=source, now=now)
