from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from whitenoise.runserver_nostatic.management.commands import runserver

from project.serving.loopback import is_loopback

NOT_FOR_OTHERS = (
    "Other machines may reach {address}, but no SECRET_KEY is set: sessions would be signed with a key that "
    "is published. Leave the address out, or set SECRET_KEY. For a machine that others use, see "
    "docs/operations.md."
)


class Command(runserver.Command):
    """Django's command. Refuses to listen for other machines with the published SECRET_KEY."""

    def run(self, **options: Any) -> None:
        if settings.SECRET_KEY == settings.INSECURE_SECRET_KEY and not is_loopback(self.addr):
            raise CommandError(NOT_FOR_OTHERS.format(address=f"{self.addr}:{self.port}"))
        super().run(**options)
