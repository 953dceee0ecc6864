"""The demo: an invented course company and its customers, to try the dashboard without a real site."""

import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from core.errors import Refusal
from core.models import Product, SiteSettings, Team, User
from core.services import seats
from core.services.storage import fill_folded
from integrations.models import SyncConflict
from project.development import impersonations

FIXTURES = settings.BASE_DIR / "fixtures" / "demo"
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)  # "today" of the dates in the fixtures
DATE = re.compile(r'(?<=")(\d{4}-\d\d-\d\d)(?=["T])')

PASSWORD = "demo-password"  # noqa: S105 - published; the demo is refused where a real site is configured
ACCOUNTS = {
    "administrator": "dana.roth@harborlight.example",
    "team owner": "tariq.fuentes@northfield.example",
    "manager": "valentina.sato@northfield.example",
    "student": "dmitri.aydin@northfield.example",
}


class DemoRefused(Refusal):
    """The demo was not loaded, because it would mix with real data."""


@dataclass(frozen=True)
class Demo:
    loaded: bool  # False: the demo was there already, and its data was not changed
    people: int
    teams: int


@transaction.atomic
def load() -> Demo:
    """Fill an empty database with the demo; its dates are moved so that they end today.

    Where the demo is there already, only the passwords of its accounts are set again. Raises DemoRefused when
    a real Thinkific site is configured, or the database has teams or products of its own.
    """
    _refuse_real_data()
    loaded = not User.objects.filter(email=ACCOUNTS["administrator"]).exists()
    if loaded:
        _load_fixtures(timezone.now() - AS_OF)
        _find_accounts_of_conflicts()
        fill_folded.fill_missing()
        seats.recalculate()
        impersonations.add()
        shown = SiteSettings.load()
        shown.registration_enabled = True  # the teams have sign-up links
        shown.save(update_fields=["registration_enabled"])
    for user in User.objects.filter(email__in=ACCOUNTS.values()):
        if not user.check_password(PASSWORD):
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
    return Demo(loaded=loaded, people=User.objects.count(), teams=Team.objects.count())


def _refuse_real_data() -> None:
    host = urlsplit(settings.THINKIFIC_API_URL).hostname or ""
    configured = settings.THINKIFIC_API_KEY or settings.THINKIFIC_ACCESS_TOKEN
    if configured and host not in {"localhost", "127.0.0.1", "::1"}:
        raise DemoRefused(
            f"A real Thinkific site is configured ({host}), and the demo's people and accounts must not mix "
            "with its own. Unset THINKIFIC_API_KEY and THINKIFIC_ACCESS_TOKEN, and use another database."
        )
    is_demo = User.objects.filter(email=ACCOUNTS["administrator"]).exists()
    if not is_demo and (Team.objects.exists() or Product.objects.exists()):
        raise DemoRefused(
            "This database already holds teams or products that are not the demo's. "
            "Set DATABASE_URL to an empty database, run migrate, and load the demo there."
        )


def _find_accounts_of_conflicts() -> None:
    """Fixtures name people by their address; a conflict knows its object by the key only."""
    for conflict in SyncConflict.objects.filter(entity="user"):
        conflict.object_id = User.objects.get(email=conflict.label).pk
        conflict.save(update_fields=["object_id"])


def _load_fixtures(age: timedelta) -> None:
    """Load copies of the fixtures with every date moved by whole days, so that times of day do not change."""
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for fixture in sorted(FIXTURES.glob("*.json")):
            copy = Path(folder) / fixture.name
            text = fixture.read_text()
            copy.write_text(DATE.sub(lambda found: _later(found[1], age.days), text))
            copies.append(str(copy))
        call_command("loaddata", *copies, verbosity=0)


def _later(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()
