"""`python -m benchmarks.inside.pushes edit N|mark N|own`: makes changes, for benchmarks/push.py."""

import json
import sys
import time
from typing import Any

from django.db import transaction

from core.models import OutboxEntry, User
from core.services import outbox, people
from integrations.thinkific.client.transport import Transport
from integrations.thinkific.push.drain import drain

PAUSE = 0.7  # seconds between edits, so that the queue is idle again each time
GIVE_UP_AFTER = 90.0  # seconds


def mark(count: int) -> None:
    """Rename people and mark all of them as stale, as an import does."""
    changed = list(_known(count))
    User.objects.filter(pk__in=[user.pk for user in changed]).update(last_name="Renamed")
    seen = {user.pk: {"last_name": user.last_name} for user in changed}
    with transaction.atomic():
        outbox.mark_stale(changed, reason="file", last_seen=seen)


def edit(count: int) -> dict[str, Any]:
    """Rename one person after the other. Returns the seconds until each change was in Thinkific."""
    return {"seconds": [_seconds_to_request(user) for user in list(_known(count))]}


def own() -> dict[str, float]:
    """Drain. Returns the processor time of requests and of everything else, in seconds."""
    spent = []
    send = Transport.send_once

    def timed(*args: Any, **kwargs: Any) -> Any:
        started = time.thread_time()
        try:
            return send(*args, **kwargs)
        finally:
            spent.append(time.thread_time() - started)

    Transport.send_once = timed  # type: ignore[method-assign]
    started = time.process_time()
    drain(seconds=120)
    return {"cpu": time.process_time() - started - sum(spent), "http": sum(spent)}


def _known(count: int) -> Any:
    return User.objects.filter(thinkific_id__isnull=False).order_by("pk")[:count]


def _seconds_to_request(user: User) -> float:
    """Returns the seconds until the entry is done, which is some milliseconds after its last request."""
    time.sleep(PAUSE)
    people.update_user(user, last_name=f"Edited {user.pk}")
    started = time.monotonic()
    entry = OutboxEntry.objects.filter(object_id=user.pk, entity="user").latest("pk")
    while OutboxEntry.objects.get(pk=entry.pk).status != "done":
        if time.monotonic() - started > GIVE_UP_AFTER:
            raise RuntimeError(f"Nothing was sent within {GIVE_UP_AFTER:g} seconds.")
        time.sleep(0.01)
    return time.monotonic() - started


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["mark", number]:
            mark(int(number))
        case ["edit", number]:
            print(json.dumps(edit(int(number))))
        case _:
            print(json.dumps(own()))
