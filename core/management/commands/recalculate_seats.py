"""Count the used places of all seats again."""

import json
import time
from typing import Any

from django.core.management.base import CommandParser

from core.management.base import LocalTimeCommand
from core.models import Seat
from core.services import seats


class Command(LocalTimeCommand):
    help = "Count the used places of all seats again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        begun = time.monotonic()
        changed = seats.recalculate()
        counts = {"seats": Seat.objects.count(), "changed": changed, "over": Seat.objects.over().count()}
        if options["json"]:
            self.stdout.write(json.dumps(counts | {"seconds": round(time.monotonic() - begun, 3)}))
        else:
            self.stdout.write(
                f"Counted {counts['seats']} seats: {changed} had a wrong count, "
                f"{counts['over']} have more people than places."
            )
