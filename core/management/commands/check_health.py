import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.management.base import LocalTimeCommand
from core.services.site import health


class Command(LocalTimeCommand):
    help = "Checks that everything works; exits with 1 when something does not."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument("--ask", action="store_true", help="also make a request to Thinkific")

    def handle(self, *args: Any, **options: Any) -> None:
        checks = health.check_all(ask=options["ask"])
        ok = all(check.ok for check in checks.values())
        if options["json"]:
            found = {name: {"ok": check.ok, "detail": check.detail} for name, check in checks.items()}
            self.stdout.write(json.dumps({"ok": ok, "checks": found}))
        else:
            for name, check in checks.items():
                self.stdout.write(f"{'ok ' if check.ok else 'BAD'} {name}: {check.detail}")
        if not ok:
            bad = ", ".join(name for name, check in checks.items() if not check.ok)
            raise CommandError(f"These checks failed: {bad}.")
