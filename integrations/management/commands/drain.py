"""manage.py drain: pushes the changes that are due, in this process."""

import json
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.models import OutboxEntry
from integrations import stopping
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.push.drain import drain


class Command(BaseCommand):
    help = (
        "Push the changes that are due to Thinkific now. `waiting` counts all changes that are not done, "
        "also those that are due later or claimed by another process. Exit code 1 if a change failed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        if not Credentials.from_settings().complete:
            raise CommandError(
                "No Thinkific site is connected. Set THINKIFIC_SUBDOMAIN and THINKIFIC_API_KEY, in the "
                "environment or in .env."
            )
        started, total = time.monotonic(), Counter[str]()
        with stopping.by_signals():
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
        if report["failed"]:
            sys.exit(1)
