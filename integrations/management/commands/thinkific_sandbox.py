"""The local stand-in for Thinkific, alone: `manage.py thinkific_sandbox --port 8765 --users 500`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.thinkific.sandbox import cli


class Command(BaseCommand):
    help = "Serve an invented Thinkific site on this machine until Ctrl-C."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        cli.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(cli.run(options, self._say))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
