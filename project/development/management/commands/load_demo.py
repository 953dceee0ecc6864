"""Fill an empty database with the demo."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from project.development import demo

PUBLISHED = (
    "The demo has an administrator whose password everybody can read in the documentation, and DEBUG is off: "
    "other people may be able to reach this machine. Set DEBUG=1 on your own machine. To load the demo here "
    "anyway, use both options: load_demo --with-published-passwords --anybody-may-sign-in"
)


class Command(BaseCommand):
    help = (
        "Fill an empty database with the demo: an invented course company, its customers and four accounts. "
        "Repeating it only sets the accounts' passwords again. Refused where a real site is configured."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--with-published-passwords",
            action="store_true",
            help="without DEBUG: I know that the passwords of the demo's accounts are published",
        )
        parser.add_argument(
            "--anybody-may-sign-in",
            action="store_true",
            help="without DEBUG, and with the option above: anybody may sign in here as its administrator",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        confirmed = options["with_published_passwords"] and options["anybody_may_sign_in"]
        if not settings.DEBUG and not confirmed:
            raise CommandError(PUBLISHED)
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
