"""Sending the dates of an enrollment, also to sites that do not accept "no expiry date"."""

from datetime import datetime, timedelta

from django.utils import timezone

from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import Rejected

# How far away the expiry date is on a site that does not clear one: as long as S3's "no_expiry" reaches.
FAR_EXPIRY = timedelta(days=3650)


def far_expiry_date() -> datetime:
    """Returns the expiry date that stands for "no expiry date" on a site that does not clear one."""
    return (timezone.now() + FAR_EXPIRY).replace(microsecond=0)


def refused_null(error: Rejected, expiry_date: datetime | None) -> bool:
    """Returns whether Thinkific may have refused the request because `expiry_date` was null."""
    return expiry_date is None and error.status in (400, 422)


def send_dates(
    client: ThinkificClient, number: int, *, activated_at: datetime | None, expiry_date: datetime | None
) -> schemas.Enrollment:
    """Set the dates of an enrollment, given by its Thinkific id. Returns it as Thinkific has it then.

    With `activated_at` None the start date is not changed. `expiry_date` None is sent as null; if Thinkific
    refuses null or keeps the old date, a date in ten years is sent instead.
    """
    try:
        client.rest.update_enrollment(number, activated_at=activated_at, expiry_date=expiry_date)
        remote = client.rest.get_enrollment(number)
    except Rejected as error:
        if not refused_null(error, expiry_date):
            raise
    else:
        if expiry_date is not None or remote.expiry_date is None:
            return remote
    client.rest.update_enrollment(number, activated_at=activated_at, expiry_date=far_expiry_date())
    return client.rest.get_enrollment(number)
