"""Fill an empty database with the demo."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.services import demo


class Command(BaseCommand):
    help = (
        "Fill an empty database with the demo: an invented course company, its customers and four accounts. "
        "Repeating it only sets the accounts' passwords again. Refused where a real site is configured."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outcome = demo.load()
        except demo.DemoRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        if options["json"]:
            counts = {"loaded": outcome.loaded, "people": outcome.people, "teams": outcome.teams}
            accounts = {"accounts": demo.ACCOUNTS, "password": demo.PASSWORD}
            self.stdout.write(json.dumps(counts | accounts))
            return
        done = "Loaded the demo" if outcome.loaded else "The demo is loaded"
        self.stdout.write(f"{done}: {outcome.people} people in {outcome.teams} teams. Sign in as")
        for part, email in demo.ACCOUNTS.items():
            self.stdout.write(f"  {part:<14} {email}")
        self.stdout.write(f"with the password {demo.PASSWORD}")
