"""Keeps Thinkific's rows from linking a protected account by its address, or from changing its login."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from core.folding import email_key
from core.models import User
from core.services import identity
from core.services.mirror.outcome import Clash
from core.services.mirror.unsent import OwnChange, own_changes
from core.services.storage.last_seen import plain

Values = dict[str, Any]
Stored = tuple[int, Values]  # primary key, values
EMAIL = "email"


class Guarded(NamedTuple):
    """The rows that may be stored; with our address where Thinkific's must not be taken over."""

    rows: list[Values]
    clashes: list[Clash]
    withheld: set[int]  # Thinkific ids of rows that are left out


def guard(
    rows: list[Values], by_id: Mapping[int, Stored], free: Mapping[str, Stored], *, lock: bool
) -> Guarded:
    """Take out of the rows what must not happen to protected accounts (core/services/identity.py).

    `by_id` are the stored accounts by Thinkific id, `free` those by `email_key` that a row would be linked
    with. Makes no query for a page without new links and addresses, and a constant number for others.
    """
    touched = {row["thinkific_id"]: _touched(row, by_id, free) for row in rows}
    pks = {have[0] for have in touched.values() if have is not None}
    protected = identity.protected_among(pks, lock=lock)
    if not protected:
        return Guarded(rows, [], set())
    own = own_changes("user", list(protected))
    guarded = Guarded([], [], set())
    for row in rows:
        number, have = row["thinkific_id"], touched[row["thinkific_id"]]
        if have is None or have[0] not in protected:
            guarded.rows.append(row)
        elif number not in by_id:
            guarded.withheld.add(number)
            guarded.clashes.append(_clash("link", row, have))
        else:
            # Without a digest every pull compares the row again, as long as the two sides differ.
            guarded.rows.append(row | {EMAIL: have[1][EMAIL], "remote_digest": None})
            if not _is_old_news(row[EMAIL], own.get(have[0])):
                guarded.clashes.append(_clash("email", row, have))
    return guarded


def _touched(row: Values, by_id: Mapping[int, Stored], free: Mapping[str, Stored]) -> Stored | None:
    """Returns the account whose link or login the row would change, or None."""
    have = by_id.get(row["thinkific_id"])
    if have is None:
        return free.get(email_key(row[EMAIL]))
    return have if have[1][EMAIL] != row[EMAIL] else None


def _is_old_news(theirs: str, own: OwnChange | None) -> bool:
    """Whether Thinkific has this address only because our change of it has not arrived there."""
    if own is None:
        return False
    return plain(theirs) in own.seen.get(EMAIL, [])


def clash_over(user: User, row: Values) -> Clash:
    """That a Thinkific account may be this person's, for whom it was looked for by the address."""
    values = {name: getattr(user, name) for name in User.SHARED}
    return _clash("link", row, (user.pk, values))


def _clash(kind: str, row: Values, have: Stored) -> Clash:
    pk, values = have
    name = f"{values['first_name']} {values['last_name']}".strip()
    created = row["thinkific_created_at"]
    return Clash(
        kind=kind,
        object_id=pk,
        label=name or values[EMAIL],
        ours=values[EMAIL],
        theirs=row[EMAIL],
        thinkific_id=row["thinkific_id"],
        facts={
            "name": f"{row['first_name']} {row['last_name']}".strip(),
            "company": row["company"],
            "created_at": plain(created) if created else None,
            "roles": row["thinkific_roles"],
        },
    )
