"""Reading a student's enrollments in Thinkific before a new one is created there.

The student may have bought the course or got it since the last pull. A second enrollment would give access
until its own expiry date.
"""

import time
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.models import Enrollment, OutboxEntry, Product, UnreadRecords, User
from core.moments import is_older
from core.services.enrollments import enrollments, grants
from core.services.mirror.bundles import total_up_students_of
from core.services.mirror.digests import known_digests
from core.services.mirror.unsent import own_changes
from core.services.outbox.outcomes import SOURCE
from core.services.storage.last_seen import plain
from integrations.models import InboundEvent, Kind, SyncRun, WebhookSubscription
from integrations.thinkific import conflicts
from integrations.thinkific.cleaning import moment
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.pull.enrollments import apply_typed

LOOK_VALID_FOR = 30.0  # seconds; one look is enough for all that a student gets at the same time
PULL_VALID_FOR = timedelta(days=1)  # an older pull does not count, because events since then may be lost
CREATED_TOPIC = "enrollment.created"

STORED_FIELDS = ("product__productable_id", "pk", "expiry_date")


def may_have_more(user: User, client: ThinkificClient) -> bool:
    """Whether Thinkific may have given the student something of which we have not heard: something happened
    to them since the last complete pull began, or nothing would have told us."""
    known_at = client.rest.enrollments_known_at.get(user.thinkific_id or 0)
    if known_at is not None and time.monotonic() - known_at < LOOK_VALID_FOR:
        return False
    pulled, now = _last_complete_pull(), timezone.now()
    if pulled is None or is_older(pulled, now, than=PULL_VALID_FOR):
        return True
    if not WebhookSubscription.objects.filter(topic=CREATED_TOPIC).exists():
        return True
    if any(at is not None and at >= pulled for at in (user.last_activity_at, user.thinkific_created_at)):
        return True
    if user.unread_records.filter(kind=UnreadRecords.Kind.ENROLLMENTS).exists():
        return True
    unheard = Q(status=InboundEvent.Status.FAILED, received_at__gte=pulled)
    return InboundEvent.objects.filter(Q(status=InboundEvent.Status.RECEIVED) | unheard).exists()


def _last_complete_pull() -> datetime | None:
    """Returns when the last pull was requested that read all changed enrollments; None if there is none."""
    done = (SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL)
    runs = SyncRun.objects.filter(kind=Kind.ENROLLMENTS, status__in=done, cursor__has_key="watermark")
    return runs.order_by("-id").values_list("created_at", flat=True).first()


def note_new(client: ThinkificClient, user_id: int) -> None:
    """This account has just been made by us, and holds nothing yet."""
    client.rest.enrollments_known_at[user_id] = time.monotonic()


def look(user: User, client: ThinkificClient, *, within: Collection[int]) -> list[schemas.Enrollment]:
    """Read all enrollments of the student in Thinkific, store them here, and return them.

    `within` are the Thinkific course ids that are about to be sent. If Thinkific has given one of them for
    longer than we knew, that expiry date is kept: see `enrollments.given_in_thinkific`.
    """
    assert user.thinkific_id is not None
    rows = [row for row in client.rest.find_enrollments(user.thinkific_id) if row.course_id]
    client.rest.enrollments_known_at[user.thinkific_id] = time.monotonic()
    source = replace(SOURCE, row_by_row=True)
    with transaction.atomic():
        given = _given_for_longer(user, [row for row in rows if row.course_id in within])
        known = known_digests(Enrollment, [row.id for row in rows])
        applied = apply_typed([(row, None) for row in rows], known, source=source, now=timezone.now())
        conflicts.keep(applied.conflicts)
        mine = Enrollment.objects.filter(user=user, product__productable_type=Product.Type.COURSE)
        stored = dict(mine.values_list("product__productable_id", "pk"))
        ends = {stored[number]: end for number, end in given.items() if number in stored}
        enrollments.given_in_thinkific(ends, reason=SOURCE.reason)
        total_up_students_of([row.id for row in rows], source=source)
    return rows


def _given_for_longer(user: User, rows: list[schemas.Enrollment]) -> dict[int, datetime | None]:
    """Returns the courses that Thinkific has given for longer than we know, with their expiry dates.

    The keys are Thinkific course ids.
    """
    ours = OutboxEntry.objects.unsent().filter(person=user, entity="enrollment")
    if ours.filter(Q(uncertain=True) | Q(attempts__gt=1)).exists():
        return {}  # an earlier attempt of ours may have made it
    mine = Enrollment.objects.filter(user=user, product__productable_type=Product.Type.COURSE)
    known = {number: (pk, end) for number, pk, end in mine.values_list(*STORED_FIELDS)}
    own = own_changes("enrollment", [pk for pk, _ in known.values()])
    given: dict[int, datetime | None] = {}
    for row in rows:
        end = moment(row.expiry_date)
        if row.activated_at is None or row.is_free_trial or (end is not None and end <= timezone.now()):
            continue
        pk, until = known.get(row.course_id or 0, (0, None))
        is_old_value = plain(end) in own[pk].seen.get("expiry_date", []) if pk in own else False
        if not pk or (grants.is_later(end, until) and not is_old_value):
            given[row.course_id or 0] = end
    return given
