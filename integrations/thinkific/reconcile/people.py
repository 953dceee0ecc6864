"""Compares people."""

from collections.abc import Callable

from django.utils import timezone

from core.models import User
from core.services.mirror.outcome import Clash
from core.services.mirror.people import USERS, apply_users, match_users, remove_users
from core.services.mirror.table import Values
from integrations.models import Drift, DriftReport
from integrations.thinkific import conflicts
from integrations.thinkific.cleaning import Notes, Unusable
from integrations.thinkific.client import schemas
from integrations.thinkific.client.decoding import BadRow
from integrations.thinkific.mapping import user_row
from integrations.thinkific.pull.people import primary_keys
from integrations.thinkific.reconcile import listing
from integrations.thinkific.reconcile.findings import (
    Finding,
    Look,
    Sort,
    difference,
    nothing_passed,
    sort_out,
)
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.pages import RawRow, decode_row

DECIDE = "The account has rights or a password here, so an administrator decides: see Conflicts."


def compare_users(context: RunContext, report: DriftReport) -> str:
    return listing.compare_list(context, report, "users", "/users", _compare_rows)


def _compare_rows(rows: list[RawRow], passed: Callable[[int], bool]) -> Look:
    look, users = Look(), []
    for row in rows:
        user = decode_row(row, schemas.User)
        if isinstance(user, BadRow):
            known = primary_keys([row.id]).get(row.id)
            look.fail(f"User {row.id}", user.message, pk=known, number=row.id)
        else:
            users.append(user)
    return look_at(users, look, passed)


def look_at(
    users: list[schemas.User], look: Look | None = None, passed: Callable[[int], bool] = nothing_passed
) -> Look:
    look = look or Look()
    rows = _mapped(users, look)
    # What an administrator must decide is listed under Conflicts and is not a difference here.
    matched = match_users(rows)
    # People whose address belongs to another account here are compared like all others.
    pairs = matched.pairs + [(row, have) for row, have, _ in matched.refused]
    links = {pk: [difference("thinkific_id", None, number)] for pk, number in matched.links.items()}
    sort_out(USERS, pairs, look, passed=passed, more=links, describe=_only_there)
    return look


def _mapped(users: list[schemas.User], look: Look) -> list[Values]:
    rows, notes, now = [], Notes(), timezone.now()
    for user in users:
        try:
            rows.append(user_row(user, notes, digest=None, now=now))
        except Unusable as error:
            known = primary_keys([user.id]).get(user.id)
            look.fail(f"User {user.id}", str(error), pk=known, number=user.id)
    return rows


def _only_there(row: Values) -> Finding:
    name = " ".join(part for part in (row["first_name"], row["last_name"]) if part)
    label = f"{name} ({row['email']})" if name else row["email"]
    return Finding(Sort.ONLY_THERE, label, thinkific_id=row["thinkific_id"])


def take(context: RunContext, row: Drift, found: list[schemas.User]) -> list[str]:
    """Store the person as Thinkific has them. Returns the problems."""
    if not found:
        remove_users([row.object_id or 0], source=context.source, now=context.now)
        return []
    look = Look()
    applied = apply_users(_mapped(found, look), source=context.source)
    conflicts.keep(applied.conflicts)
    User.objects.filter(thinkific_id=found[0].id).update(synced_at=context.now)
    undecided = [DECIDE for one in applied.conflicts if isinstance(one, Clash)]
    wrong = [issue.message for issue in [*look.unreadable, *(applied.issues if applied.failed else [])]]
    return wrong + undecided
