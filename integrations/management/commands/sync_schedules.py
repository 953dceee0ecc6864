import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations import schedules


class Command(BaseCommand):
    help = (
        "Write the queue's schedules from the intervals on the page Schedules. Safe to repeat. Schedules of "
        "others are not changed, but a malformed one is switched off, because it would stop all others."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        changed = schedules.write_schedules()
        if options["json"]:
            self.stdout.write(json.dumps(changed))
            return
        for what, names in changed.items():
            for name in names:
                self.stdout.write(f"{what}: {name}")
        if not any(changed.values()):
            self.stdout.write("Every schedule is as it should be.")
