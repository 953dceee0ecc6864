"""Sending the dates of an enrollment, to sites that take “no end” and to those that do not."""

from datetime import datetime, timedelta

from django.utils import timezone

from integrations.thinkific.client import schemas
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.errors import Rejected

# For a site that does not clear an end date: as far as S3's "no_expiry" reaches.
NO_END = timedelta(days=3650)


def far_end() -> datetime:
    """What stands for no end where a site does not clear one."""
    return (timezone.now() + NO_END).replace(microsecond=0)


def refuses_no_end(error: Rejected, expiry_date: datetime | None) -> bool:
    """Whether it may have been the null in `expiry_date` that Thinkific refused."""
    return expiry_date is None and error.status in (400, 422)


def send_dates(
    client: ThinkificClient, number: int, *, activated_at: datetime | None, expiry_date: datetime | None
) -> schemas.Enrollment:
    """Set the dates of an enrollment (by its id) and read what came of it; without `activated_at` that stays.

    No end is sent as null. Where Thinkific refuses that, or takes it and keeps the date that it had, a far
    end is sent.
    """
    try:
        client.rest.update_enrollment(number, activated_at=activated_at, expiry_date=expiry_date)
        remote = client.rest.get_enrollment(number)
    except Rejected as error:
        if not refuses_no_end(error, expiry_date):
            raise
    else:
        if expiry_date is not None or remote.expiry_date is None:
            return remote
    client.rest.update_enrollment(number, activated_at=activated_at, expiry_date=far_end())
    return client.rest.get_enrollment(number)
