"""Pushing enrollments. Thinkific cannot delete one; access ends by an expiry date in the past."""

from django.db import transaction
from django.utils import timezone

from core.models import Enrollment, OutboxEntry
from core.services.mirror.bundles import total_up_students
from core.services.mirror.enrollments import apply_enrollments
from core.services.outbox import outcomes
from core.services.outbox.outcomes import SOURCE
from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import NotFound, Rejected, RetryLater
from integrations.thinkific.mapping import enrollment_row
from integrations.thinkific.push import look_before_creating
from integrations.thinkific.push.bundles import push_bundle
from integrations.thinkific.push.enrollment_dates import send_dates
from integrations.thinkific.push.prerequisites import account_of

STILL_OPEN = 30.0  # seconds until an ended enrollment that still shows access is looked at again


def push_enrollment(entry: OutboxEntry, client: ThinkificClient) -> None:
    """Enroll the student in Thinkific, or send the changed dates. Raises ThinkificError."""
    enrollment = Enrollment.objects.select_related("user", "product").filter(pk=entry.object_id).first()
    if enrollment is None:
        return
    if _has_ended(enrollment) and enrollment.user.thinkific_id is None:
        return  # it has ended before it was sent
    user_id = account_of(enrollment.user)
    if enrollment.product.is_bundle:
        push_bundle(enrollment, user_id, entry, client)
        return
    try:
        remote = _known(enrollment, entry, client) or _found(enrollment, user_id, entry, client)
    except Enrollment.DoesNotExist:
        return  # deleted here during the request to Thinkific
    remote = remote or _create(enrollment, user_id, entry, client)
    if remote is not None:
        _store(enrollment, remote)


def _known(enrollment: Enrollment, entry: OutboxEntry, client: ThinkificClient) -> schemas.Enrollment | None:
    """Send the dates to the enrollment with the known id.

    None if it has no id or Thinkific does not find it.
    """
    if enrollment.thinkific_id is None:
        return None
    try:
        return _send_changes(enrollment, enrollment.thinkific_id, entry, client)
    except NotFound:
        return None


def _found(
    enrollment: Enrollment, user_id: int, entry: OutboxEntry, client: ThinkificClient
) -> schemas.Enrollment | None:
    """Find the enrollment by student and course, and send the dates. None if there is none.

    It may exist after an attempt with an unknown outcome, through a bundle that is being enrolled, or because
    Thinkific has given it since the last pull. An ended enrollment is only looked for, never created.
    """
    if entry.attempts > 1 or entry.uncertain or enrollment.thinkific_id is not None or _has_ended(enrollment):
        return _look_up(enrollment, user_id, entry, client)
    if not _may_come_with_a_bundle(enrollment) and not look_before_creating.may_have_more(
        enrollment.user, client
    ):
        return None
    number = enrollment.product.productable_id
    rows = look_before_creating.look(enrollment.user, client, within={number})
    # The look may have stored it, or a later expiry date.
    enrollment.refresh_from_db(fields=["expiry_date", "thinkific_id"])
    return _send_changes_to_all(enrollment, [row for row in rows if row.course_id == number], entry, client)


def _may_come_with_a_bundle(enrollment: Enrollment) -> bool:
    """Returns whether Thinkific may have enrolled the student through a bundle without our knowledge."""
    bundles = Enrollment.objects.filter(
        user=enrollment.user_id, product__bundle_items__course=enrollment.product_id
    )
    return bundles.exclude(push_state="clean").exists()


def _look_up(
    enrollment: Enrollment, user_id: int, entry: OutboxEntry, client: ThinkificClient
) -> schemas.Enrollment | None:
    rows = client.rest.find_enrollments(user_id, enrollment.product.productable_id)
    return _send_changes_to_all(enrollment, rows, entry, client)


def _send_changes_to_all(
    enrollment: Enrollment, rows: list[schemas.Enrollment], entry: OutboxEntry, client: ThinkificClient
) -> schemas.Enrollment | None:
    # There should be only one. If there are more, access ends only when all of them end.
    rows = sorted(rows, key=lambda row: (row.updated_at is not None, row.updated_at, row.id))
    remotes = [_send_changes(enrollment, row.id, entry, client) for row in rows]
    return remotes[-1] if remotes else None


def _create(
    enrollment: Enrollment, user_id: int, entry: OutboxEntry, client: ThinkificClient
) -> schemas.Enrollment | None:
    if _has_ended(enrollment):
        return None
    try:
        return client.rest.create_enrollment(
            user_id=user_id,
            course_id=enrollment.product.productable_id,
            activated_at=enrollment.activated_at or timezone.now(),
            expiry_date=enrollment.expiry_date,
        )
    except Rejected:
        found = _look_up(enrollment, user_id, entry, client)  # it may exist already and have ended
        if found is None:
            raise
        return found


def _send_changes(
    enrollment: Enrollment, number: int, entry: OutboxEntry, client: ThinkificClient
) -> schemas.Enrollment:
    """Send the dates that changed, or all if that is not known. Returns the enrollment in Thinkific then.

    Raises RetryLater if the enrollment has ended and Thinkific still gives access.
    """
    everything = not entry.last_seen or enrollment.thinkific_id != number
    remote = send_dates(
        client,
        number,
        activated_at=enrollment.activated_at if everything or "activated_at" in entry.last_seen else None,
        expiry_date=enrollment.expiry_date,
    )
    if enrollment.expiry_date is None and remote.expiry_date is not None:
        # Thinkific does not clear it, so store its date. Else the next pull would report it as a change.
        outcomes.note_end(enrollment.pk, remote.expiry_date)
    if _has_ended(enrollment) and remote.expired is False:
        raise RetryLater("Thinkific has the past end date, but still shows access.", after=STILL_OPEN)
    return remote


def _has_ended(enrollment: Enrollment) -> bool:
    return enrollment.expiry_date is not None and enrollment.expiry_date <= timezone.now()


def _store(enrollment: Enrollment, remote: schemas.Enrollment) -> None:
    """Store what Thinkific has now. Dates with a newer change that waits stay ours."""
    row = enrollment_row(
        remote,
        user_id=enrollment.user_id,
        product_id=enrollment.product_id,
        digest=None,
        now=timezone.now(),
    )
    with transaction.atomic():
        apply_enrollments([row], source=SOURCE)
        total_up_students([enrollment.user_id], source=SOURCE)
