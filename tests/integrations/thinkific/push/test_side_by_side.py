"""Changes of different people are sent side by side, as many at a time as the site allows."""

from django.db import transaction

from core.models import User
from core.services import outbox


def test_as_many_pushes_are_under_way_as_the_site_allows(site, thinkific, pull, push, settings):
    pull("users")
    changed = list(User.objects.filter(thinkific_id__isnull=False).order_by("pk")[:30])
    with transaction.atomic():
        seen = {user.pk: {"last_name": user.last_name} for user in changed}
        for user in changed:
            user.last_name = "Renamed"
            user.save()
        outbox.mark_stale(changed, reason="file", last_seen=seen)
    settings.THINKIFIC_CONCURRENCY = 10
    thinkific.set_options(latency=0.3, concurrency=10)
    thinkific.reset_stats()

    assert push() == {"done": 30}

    # A busy machine may take a while to send the last of them.
    assert 7 <= thinkific.stats.max_concurrent <= 10
    assert thinkific.limits.refused_concurrency == 0
    assert {site.users[user.thinkific_id].last_name for user in changed} == {"Renamed"}
