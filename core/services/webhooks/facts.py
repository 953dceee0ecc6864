"""Events about what happened in Thinkific, told when a pull or a webhook has stored it.

Not everything that is new here is news: the first load of a site brings years of it. So a fact is told to an
endpoint when it happened after the endpoint was made or switched on, at most DAYS ago, and not by the first
pull of its kind.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from core.moments import happened
from core.services.storage import bulk
from core.services.webhooks.emit import deliver, takers

DAYS = 7  # a worker that stood still for so long misses nothing
Fact = tuple[int, datetime | None]  # the key of a stored row, and when it happened


def tell(event: str, model: Any, facts: Iterable[Fact], *, key: str = "pk", first_load: bool) -> int:
    """Tell the endpoints of an event about these rows of a model, in the transaction that stored them.
    `key` names the column with the keys. Returns how many deliveries wait.

    Without facts that are new enough it costs no query, and while no endpoint takes the event one.
    """
    if first_load:
        return 0
    now = timezone.now()
    recent = {one: happened(at, now) for one, at in facts if at is not None and at > now - timedelta(DAYS)}
    endpoints = takers(event) if recent else []
    if not endpoints:
        return 0
    found: models.QuerySet = model._default_manager.filter(bulk.among(key, list(recent)))
    rows = list(found.order_by("pk"))
    count = 0
    for endpoint in endpoints:
        since = endpoint.listens_since
        count += deliver(
            event, [row for row in rows if since is None or recent[getattr(row, key)] >= since], [endpoint]
        )
    return count
