"""Recording how a push ended, on the outbox entry and on the object."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import transaction

from core.models import Enrollment, OutboxEntry, Product, User
from core.models.fields.push_state import PushState
from core.services.history import signed
from core.services.leases import Claim
from core.services.mirror.bundles import total_up_bundles
from core.services.mirror.groups import note_not_sent
from core.services.mirror.source import Source
from core.services.outbox.mark import KEPT_VALUES, WAITING, others, set_state, transfer_values
from core.services.storage.last_seen import plain

Status = OutboxEntry.Status
SOURCE = Source("Thinkific, after a push")


@transaction.atomic
def finish(entry: OutboxEntry, *, now: datetime) -> bool:
    """Thinkific has it. Returns False when the entry was no longer in flight by this claim."""
    values = {"finished_at": now, "error": "", "uncertain": False, "sent": _superseded(entry)}
    if not Claim.on(entry).finish([entry.pk], status=Status.DONE, **values):
        return False
    set_state(entry, PushState.CLEAN)
    if entry.entity == "enrollment":
        _total_up(entry.object_id)
    # An earlier refusal of the same object is settled by this.
    others(entry).filter(status=Status.FAILED).update(status=Status.DISCARDED, finished_at=now)
    return True


def _superseded(entry: OutboxEntry) -> dict[str, Any]:
    """Returns the values that were sent before the last one: a page read in between may still bring them."""
    return {name: values[:-1] for name, values in entry.sent.items() if len(values) > 1}


def about_to_send(entry: OutboxEntry, values: Mapping[str, Any]) -> bool:
    """Store the values that the next request sends. Returns False when this claim of the entry was lost:
    then send nothing.

    Call it outside a transaction, so that the values are committed before the request. `finish` forgets them.
    """
    sent = {name: list(known) for name, known in entry.sent.items()}
    for name, value in values.items():
        known = sent.setdefault(name, [])
        if plain(value) not in known:
            sent[name] = [*known, plain(value)][-KEPT_VALUES:]
    if sent != entry.sent and not Claim.on(entry).held([entry.pk]).update(sent=sent):
        return False
    entry.sent = sent
    return True


@transaction.atomic
def note_end(enrollment: int, end: datetime) -> None:
    """Store Thinkific's end of an enrollment (primary key) that has none here: the site cannot keep an
    enrollment without an end. An end that somebody has set in the meantime stays."""
    row = Enrollment.objects.select_for_update().filter(pk=enrollment, expiry_date=None).first()
    if row is not None:
        row.expiry_date = end
        signed(row, by=None, reason=SOURCE.reason).save(update_fields=["expiry_date"])


def note_linked(user: User, **values: Any) -> None:
    """Store the Thinkific account of this user (locked) and other values that Thinkific returned."""
    for name, value in values.items():
        setattr(user, name, value)
    signed(user, by=None, reason=SOURCE.reason).save(update_fields=[*values])


@transaction.atomic
def fail(entry: OutboxEntry, words: str, *, now: datetime) -> None:
    """Thinkific said no: a person must look. A newer change of the same object goes on by itself, and what
    was deleted here meanwhile, perhaps in Thinkific too, needs nobody."""
    later = others(entry).select_for_update().filter(status__in=WAITING).first()
    settled = later is not None or _is_deleted(entry)
    status = Status.DISCARDED if settled else Status.FAILED
    values: dict[str, Any] = {"finished_at": now, "error": words} | ({"sent": {}} if settled else {})
    if Claim.on(entry).finish([entry.pk], status=status, **values):
        set_state(entry, PushState.FAILED)
        if entry.entity == "groupmembership" and not settled:
            note_not_sent(entry.object_id, words)
        if later is not None:
            transfer_values(entry, later)


def _is_deleted(entry: OutboxEntry) -> bool:
    """Whether the entry's object was deleted here. False for an entry that deletes it in Thinkific."""
    model = apps.get_model("core", entry.entity)
    return entry.thinkific_id is None and not model._default_manager.filter(pk=entry.object_id).exists()


def _total_up(enrollment: int) -> None:
    """Derive a bundle enrollment (primary key) from its courses, now that it was sent. Until then our own
    dates counted."""
    bundles = Enrollment.objects.filter(pk=enrollment, product__productable_type=Product.Type.BUNDLE)
    if pks := list(bundles.values_list("pk", flat=True)):
        total_up_bundles(pks, source=SOURCE)
