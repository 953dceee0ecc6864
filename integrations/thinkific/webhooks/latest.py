"""When Thinkific was last heard of, by topic: how a person sees that webhooks arrive."""

from datetime import datetime

from django.db.models import Max

from integrations.models import InboundEvent
from integrations.thinkific.webhooks.topics import SUBSCRIBED


def last_received() -> dict[str, datetime]:
    """`topic -> when`, for topics that came at all. One look into the index per topic, in one query."""
    looks = [
        InboundEvent.objects.filter(topic=topic).order_by().values("topic").annotate(at=Max("received_at"))
        for topic in SUBSCRIBED
    ]
    return {row["topic"]: row["at"] for row in looks[0].union(*looks[1:], all=True)}
