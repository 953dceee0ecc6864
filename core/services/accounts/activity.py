"""When a user last used the dashboard."""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from core.models import User

EVERY = timedelta(minutes=5)


def note_activity(user: User) -> bool:
    """Store that the user is active now, unless that was stored within the last five minutes. Returns whether
    it was written. Of several requests at the same moment only one writes."""
    now = timezone.now()
    begin, last = now - EVERY, user.last_activity_at
    if last is not None and begin <= last <= now:
        return False
    # A moment in the future comes from a clock that was set back.
    old = Q(last_activity_at__isnull=True) | Q(last_activity_at__lt=begin) | Q(last_activity_at__gt=now)
    return bool(User.objects.filter(old, pk=user.pk).update(last_activity_at=now))
