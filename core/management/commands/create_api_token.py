"""Make a token of the REST API for an account."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from core import moments
from core.errors import Refusal
from core.management.base import LocalTimeCommand
from core.models import User
from core.services.api import tokens
from core.services.api.scopes import SCOPES


class Command(LocalTimeCommand):
    help = "Make a token of the REST API that acts with the rights of this account. It is printed once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="the account that the token acts for")
        parser.add_argument(
            "--name", default="", help="what will use it; without: “Command line” and the day"
        )
        parser.add_argument(
            "--scopes", default="", help=f"separated by commas; none: all. {', '.join(SCOPES)}"
        )
        parser.add_argument("--days", type=int, help="how many days it works; without: no end")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.of_address(options["email"]).first()
        if user is None:
            raise CommandError(f"Nobody has an account with {options['email']}.")
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        name = options["name"] or f"Command line, {moments.day(timezone.localdate())}"
        try:
            token, secret = tokens.issue(
                user=user, name=name, scopes=scopes, expires_at=_end(options["days"])
            )
        except Refusal as refusal:
            raise CommandError(str(refusal)) from None
        if options["json"]:
            made = {"id": token.pk, "name": token.name, "email": user.email, "token": secret}
            self.stdout.write(json.dumps(made | {"scopes": token.scopes}))
        else:
            self.stdout.write(secret)


def _end(days: int | None) -> datetime | None:
    if days is None:
        return None
    if days < 1:
        raise CommandError("A token works for at least 1 day.")
    today = timezone.localdate()
    try:
        last = min(today + timedelta(days=days), moments.LAST_DAY)
    except OverflowError:
        last = moments.LAST_DAY
    return moments.end_of(last)
