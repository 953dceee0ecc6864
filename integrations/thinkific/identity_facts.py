"""Counting the enrollments of Thinkific accounts that an administrator must decide about."""

import structlog

from integrations.models import SyncConflict
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.client.errors import ThinkificError

log = structlog.get_logger(__name__)

AT_ONCE = 25  # accounts; one request each
BUDGET_WAIT = 20.0  # seconds to wait until the request budget allows a request
ENROLLMENTS = "enrollments"


def count_enrollments() -> int:
    """Store how many enrollments the accounts of open decisions have in Thinkific.

    Returns how many accounts were counted. If Thinkific does not answer, the page shows no number.
    """
    waiting = SyncConflict.objects.filter(kind__in=SyncConflict.IDENTITY, settled_at=None).order_by("-pk")
    todo = [row for row in waiting[: 10 * AT_ONCE] if ENROLLMENTS not in row.facts][:AT_ONCE]
    credentials = Credentials.from_settings()
    if not todo or not credentials.complete:
        return 0
    client = ThinkificClient(
        credentials, budget=SharedBudget.from_settings(longest_wait=BUDGET_WAIT), retries=0
    )
    count = 0
    for row in todo:
        try:
            page = client.rest.enrollments_page(limit=1, user_id=row.thinkific_id)
        except ThinkificError as error:
            log.info("enrollments not counted", conflict=row.pk, problem=str(error))
            break
        facts = row.facts | {ENROLLMENTS: page.total_items}
        count += SyncConflict.objects.filter(pk=row.pk, thinkific_id=row.thinkific_id).update(facts=facts)
    return count
