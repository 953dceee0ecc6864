"""manage.py drain: pushes the changes that are due, in this process."""

import json
import time
from collections import Counter
from typing import Any

from core.models import OutboxEntry
from integrations import stopping
from integrations.foreground import SiteCommand
from integrations.thinkific.push.drain import drain


class Command(SiteCommand):
    help = (
        "Push the changes that are due to Thinkific now. `waiting` counts all changes that are not done, "
        "also those that are due later or claimed by another process. Exit code 1 if a change failed."
    )

    def work(self, **options: Any) -> bool:
        started, total = time.monotonic(), Counter[str]()
        while not stopping.requested():
            outcome = drain()
            total += outcome
            if not outcome["done"] or not OutboxEntry.objects.due().exists():
                break
        waiting = OutboxEntry.objects.filter(
            status__in=[OutboxEntry.Status.PENDING, OutboxEntry.Status.IN_FLIGHT]
        ).count()
        report = {
            "done": total["done"],
            "retried": total["retried"],
            "failed": total["failed"],
            "waiting": waiting,
            "seconds": round(time.monotonic() - started, 3),
        }
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            self.stderr.write(", ".join(f"{value:,} {name}" for name, value in report.items()))
        return not report["failed"]
