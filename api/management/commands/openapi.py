"""Write docs/openapi.json, the schema of the REST API."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from api import schema_file


class Command(BaseCommand):
    help = "Write the schema of the REST API to docs/openapi.json."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when the file differs")

    def handle(self, *args: Any, **options: Any) -> None:
        schema = schema_file.written()
        if not options["check"]:
            schema_file.PATH.write_text(schema, encoding="utf-8")
        elif not schema_file.PATH.exists() or schema_file.PATH.read_text(encoding="utf-8") != schema:
            raise CommandError("docs/openapi.json differs from the code. Run: manage.py openapi")
