"""Base of commands that show or compute moments."""

from typing import Any

from django.core.management.base import BaseCommand

from core.services.site.localisation import in_site_time


class LocalTimeCommand(BaseCommand):
    """Runs in the time zone and with the formats of the settings, as requests and tasks do."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        with in_site_time():
            return super().execute(*args, **options)
