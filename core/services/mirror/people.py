"""People as Thinkific has them."""

from collections import Counter
from datetime import datetime
from typing import Any

from core.models import User
from core.services import bulk
from core.services.mirror.outcome import Applied
from core.services.mirror.table import Table, Values, compare, mark_removed, remember, write

UNUSABLE = "!"  # nobody signs in with it; hashing passwords in bulk would take 0.2 s each

USERS = Table(
    model=User,
    fields=(
        "email",
        "first_name",
        "last_name",
        "company",
        "external_source",
        "thinkific_roles",
        "custom_profile_fields",
        "thinkific_created_at",
        "removed_at",
    ),
    tracked=frozenset({"email", "first_name", "last_name", "removed_at"}),
    stamp=("thinkific_id", "remote_digest", "synced_at", "updated_at"),
)


def known_digests(thinkific_ids: list[int]) -> dict[int, tuple[int, int | None]]:
    """`thinkific_id -> (primary key, digest)` of the people that are stored."""
    rows = User.objects.filter(thinkific_id__in=thinkific_ids).order_by()
    return {row[0]: row[1:] for row in rows.values_list("thinkific_id", "pk", "remote_digest")}


def apply_users(rows: list[Values], *, source: str) -> Applied:
    """Store people. Each row has the fields of USERS, `thinkific_id`, `remote_digest` and `synced_at`.

    Matches by Thinkific id, then by e-mail. Somebody whose e-mail belongs to another account is an issue and
    changes nothing: accounts are never merged.
    """
    applied = Applied()
    rows = list({row["thinkific_id"]: row for row in rows}.values())
    by_id = USERS.stored(thinkific_id__in=[row["thinkific_id"] for row in rows])
    owners = _owners([row["email"] for row in rows])
    _claim_emails(rows, by_id, owners)
    wanted = Counter(row["email"] for row in rows)

    pairs: list[tuple[Values, tuple[int, Values] | None]] = []
    links: dict[int, int] = {}
    taken: set[str] = set()
    for row in rows:
        have, email = by_id.get(row["thinkific_id"]), row["email"]
        owner = owners.get(email)
        if owner is not None and (have is None or owner.pk != have[0]):
            if have is None and owner.thinkific_id is None:
                have = (owner.pk, {name: getattr(owner, name) for name in USERS.fields})
                links[owner.pk] = row["thinkific_id"]
            else:
                _refuse(row, applied, have, f"the account of Thinkific user {owner.thinkific_id or 'nobody'}")
                continue
        if wanted[email] > 1 and email in taken:
            _refuse(row, applied, have, "another person in the same list")
            continue
        taken.add(email)
        pairs.append((row, have))

    changes = compare(USERS, pairs, applied)
    _free_swapped_emails(changes.changed)
    write(changes, applied, source=source, extra=("created_at", "password", "is_active"))
    remember(changes, applied, links)
    return applied


def _owners(emails: list[str]) -> dict[str, User]:
    fields = [*USERS.fields, "thinkific_id"]
    return {user.email: user for user in User.objects.filter(email__in=emails).only("pk", *fields)}


def _claim_emails(rows: list[Values], by_id: dict[Any, tuple[int, Values]], owners: dict[str, User]) -> None:
    """Forget owners who give their e-mail up in these very rows: two people may have swapped addresses."""
    leaving = {
        by_id[row["thinkific_id"]][1]["email"]
        for row in rows
        if row["thinkific_id"] in by_id and by_id[row["thinkific_id"]][1]["email"] != row["email"]
    }
    for email in leaving & set(owners):
        if owners[email].thinkific_id in by_id:
            del owners[email]


def _refuse(row: Values, applied: Applied, have: tuple[int, Values] | None, owner: str) -> None:
    if have is not None:
        applied.met.append(have[0])
    applied.fail(
        f"User {row['thinkific_id']}",
        f"{row['email']} already belongs to {owner}. Change one of the two e-mail addresses in Thinkific.",
    )


def _free_swapped_emails(changed: list[tuple[int, Values, Values]]) -> None:
    """Move old addresses of people who change theirs out of the way: then no order of updates collides."""
    moving = [pk for pk, before, after in changed if before["email"] != after["email"]]
    targets = {after["email"] for _, before, after in changed if before["email"] != after["email"]}
    if targets & {before["email"] for _, before, _ in changed}:
        bulk.update(User, ["email"], [(pk, f"moving-{pk}@invalid") for pk in moving])


def remove_users(pks: list[int], *, source: str, now: datetime) -> int:
    """Mark people as gone from Thinkific. Their account, teams and results stay."""
    return mark_removed(User, pks, source=source, now=now)
