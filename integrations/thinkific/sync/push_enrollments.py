"""Telling Thinkific about enrollments. It has no way to delete one: ending access is a date in the past."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from core.models import Enrollment, OutboxEntry
from core.services.mirror.enrollments import apply_bundle_rows, apply_enrollments, total_up_bundles
from integrations.thinkific import schemas
from integrations.thinkific.client import ThinkificClient
from integrations.thinkific.errors import NotFound, Rejected, RetryLater
from integrations.thinkific.mapping import enrollment_row
from integrations.thinkific.sync.enrollments import apply_typed
from integrations.thinkific.sync.push_people import SOURCE

LATER = 20.0  # seconds until Thinkific is asked whether an accepted bundle enrollment is there
# For a site that does not clear an end date: as far as S3's "no_expiry" reaches.
NO_END = timedelta(days=3650)


def push_enrollment(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Enroll, or send the dates."""
    enrollment = Enrollment.objects.select_related("user", "product").filter(pk=entry.object_id).first()
    if enrollment is None:
        return
    if enrollment.user.thinkific_id is None:
        raise RetryLater(f"{enrollment.user} has no Thinkific account yet.", after=5)
    if enrollment.product.is_bundle:
        _push_bundle(enrollment, entry, client)
    else:
        _push_course(enrollment, entry, client)


def _push_course(enrollment: Enrollment, entry: OutboxEntry, client: ThinkificClient) -> None:
    known = enrollment.thinkific_id
    if known is None:
        found = _look_up(enrollment, client) if entry.uncertain or entry.attempts > 1 else []
        if not found:
            try:
                remote = client.create_enrollment(
                    user_id=enrollment.user.thinkific_id or 0,
                    course_id=enrollment.product.productable_id,
                    activated_at=enrollment.activated_at or timezone.now(),
                    expiry_date=enrollment.expiry_date,
                )
            except Rejected:
                found = _look_up(enrollment, client)  # it may be there already, ended perhaps
                if not found:
                    raise
            else:
                _store(enrollment, remote)
                return
        for row in found:
            _send_dates(enrollment, row.id, client)
        _store(enrollment, client.get_enrollment(found[-1].id))
        return
    _send_dates(enrollment, known, client)
    _store(enrollment, client.get_enrollment(known))


def _look_up(enrollment: Enrollment, client: ThinkificClient) -> list[schemas.Enrollment]:
    user_id = enrollment.user.thinkific_id or 0
    return client.find_enrollments(user_id, enrollment.product.productable_id)


def _send_dates(enrollment: Enrollment, number: int, client: ThinkificClient) -> None:
    """Both dates, always: what is left out would become a trial or stay as it was."""
    client.update_enrollment(
        number,
        activated_at=enrollment.activated_at,
        expiry_date=enrollment.expiry_date,
        clear_expiry=enrollment.expiry_date is None,
    )
    if enrollment.expiry_date is None and client.get_enrollment(number).expiry_date is not None:
        client.update_enrollment(number, expiry_date=timezone.now() + NO_END)


def _store(enrollment: Enrollment, remote: schemas.Enrollment) -> None:
    """What Thinkific has now; the dates stay ours while a newer change of them waits."""
    now = timezone.now()
    row = enrollment_row(
        remote, user_id=enrollment.user_id, product_id=enrollment.product_id, digest=None, now=now
    )
    with transaction.atomic():
        apply_enrollments([row], source=SOURCE)


def _push_bundle(enrollment: Enrollment, entry: OutboxEntry, client: ThinkificClient) -> None:
    bundle, user_id = enrollment.product, enrollment.user.thinkific_id or 0
    there = enrollment.course_enrollments.filter(removed_at__isnull=True).exists()
    if not there and (entry.uncertain or entry.attempts > 1):
        there = bool(_bundle_rows(client, bundle.productable_id, user_id))
    if there:
        client.update_bundle_enrollment(
            bundle.productable_id,
            user_id=user_id,
            activated_at=enrollment.activated_at,
            expiry_date=enrollment.expiry_date,
            clear_expiry=enrollment.expiry_date is None,
        )
    else:
        client.create_bundle_enrollment(
            bundle.productable_id,
            user_id=user_id,
            activated_at=enrollment.activated_at or timezone.now(),
            expiry_date=enrollment.expiry_date,
        )
    rows = _bundle_rows(client, bundle.productable_id, user_id)
    if not rows:
        raise RetryLater("Thinkific has accepted the bundle enrollment and is still making it.", after=LATER)
    _store_bundle(enrollment, rows, timezone.now())


def _bundle_rows(client: ThinkificClient, bundle_id: int, user_id: int) -> list[schemas.Enrollment]:
    rows: list[schemas.Enrollment] = []
    number = 1
    try:
        while True:
            page = client.bundle_enrollments_page(bundle_id, number, user_id=user_id)
            rows += [row for row in page.items if row.user_id == user_id]
            if page.is_last:
                return rows
            number += 1
    except NotFound:
        return rows


def _store_bundle(enrollment: Enrollment, rows: list[schemas.Enrollment], now: datetime) -> None:
    """The course enrollments that the bundle has become."""
    with transaction.atomic():
        apply_typed([(row, None) for row in rows], {}, source=SOURCE, now=now)
        _, holders = apply_bundle_rows(enrollment.product, [row.id for row in rows], now=now)
        total_up_bundles(holders, source=SOURCE)
