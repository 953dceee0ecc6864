"""Conflicts about a field: both sides changed it since they last agreed.

Pulls and pushes store them here, and an administrator decides which value both sides get.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.errors import Refusal
from core.models import User
from core.services import people as accounts
from core.services.accounts import email_changes
from core.services.mirror.outcome import Clash, Conflict
from integrations.models import SyncConflict, SyncRun
from integrations.thinkific import identities


def about(user: User, field: str, theirs: str, *, kept_ours: bool) -> Conflict:
    return Conflict(
        entity="user",
        object_id=user.pk,
        label=user.email,
        field=field,
        ours=getattr(user, field),
        theirs=theirs,
        kept="ours" if kept_ours else "theirs",
    )


def keep(conflicts: Iterable[Conflict | Clash], *, run: SyncRun | None = None) -> None:
    """Store conflicts for an administrator. One that is stored already is not stored again.

    Every pull finds the same conflict again while our change waits to be sent.
    """
    conflicts = list(conflicts)
    identities.keep([one for one in conflicts if isinstance(one, Clash)], run=run)
    found = [one for one in conflicts if isinstance(one, Conflict)]
    if not found:
        return
    here = SyncConflict.objects.filter(
        kind=SyncConflict.Kind.VALUE, object_id__in={c.object_id for c in found}, settled_at=None
    )
    known = set(here.values_list("entity", "object_id", "field", "ours", "theirs"))
    SyncConflict.objects.bulk_create(
        SyncConflict(
            run=run,
            entity=conflict.entity,
            object_id=conflict.object_id,
            label=conflict.label[:600],
            field=conflict.field,
            ours=conflict.ours,
            theirs=conflict.theirs,
            resolution=f"kept_{conflict.kept}",
        )
        for conflict in found
        if conflict[:2] + conflict[3:6] not in known
    )


class CurrentValues(NamedTuple):
    """The two values as they are now: ours as stored, Thinkific's as it last reported it."""

    ours: str
    theirs: str


def current_values(conflict: SyncConflict) -> CurrentValues:
    """Returns the present values for a conflict about a field.

    For a person who is deleted here, our value is the one stored in the conflict.
    """
    user = User.objects.filter(pk=conflict.object_id).first() if conflict.entity == "user" else None
    same = SyncConflict.objects.filter(
        kind=SyncConflict.Kind.VALUE,
        entity=conflict.entity,
        object_id=conflict.object_id,
        field=conflict.field,
    )
    heard = same.order_by("-pk").values_list("theirs", flat=True).first()
    return CurrentValues(
        conflict.ours if user is None else str(getattr(user, conflict.field, conflict.ours)),
        conflict.theirs if heard is None else heard,
    )


def take_theirs(conflict: SyncConflict, *, by: User | None = None) -> None:
    """Give both sides Thinkific's value. Raises Refusal if that is not possible."""
    _take(conflict, conflict.theirs, SyncConflict.Resolution.KEPT_THEIRS, by)


def take_ours(conflict: SyncConflict, *, by: User | None = None) -> None:
    """Give both sides the dashboard's value. Raises Refusal if that is not possible."""
    _take(conflict, conflict.ours, SyncConflict.Resolution.KEPT_OURS, by)


def mark_settled(chosen: QuerySet[SyncConflict], *, by: User) -> tuple[int, int]:
    """Settle the open ones about a field without a change. Returns how many, and how many others stay open
    because they need a decision."""
    is_open = chosen.filter(settled_at__isnull=True)
    undecided = is_open.filter(kind__in=SyncConflict.IDENTITY).count()
    values = is_open.filter(kind=SyncConflict.Kind.VALUE)
    return values.update(settled_at=timezone.now(), settled_by=by), undecided


@transaction.atomic
def _take(conflict: SyncConflict, value: str, resolution: str, by: User | None) -> None:
    mine = SyncConflict.objects.filter(pk=conflict.pk, kind=SyncConflict.Kind.VALUE, settled_at=None)
    if not mine.update(settled_at=timezone.now(), settled_by=by, resolution=resolution):
        conflict.refresh_from_db()
        raise Refusal(conflict.settled_in_words() or f"“{conflict}” cannot be settled this way.")
    user = User.objects.filter(pk=conflict.object_id).first() if conflict.entity == "user" else None
    if user is None:
        raise Refusal(f"{conflict.label} is no longer here, so there is nothing to change.")
    reason = f"conflict settled: {resolution}"
    values: dict[str, Any] = {conflict.field: value}
    # The dashboard may have this value already. Thinkific gets a push in any case; the push sends nothing if
    # Thinkific has the value too.
    if conflict.field == "email":
        email_changes.change_at_once(user, value, by=by, reason=reason, push=True)
    else:
        accounts.update_user(user, by=by, reason=reason, push=True, **values)
    conflict.refresh_from_db()
