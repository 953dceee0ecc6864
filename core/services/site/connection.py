"""The connection to Thinkific: its address, keys and limits, from the environment or from Settings.

What the environment sets counts, and Settings do not offer it. Nothing is read from the database for what the
environment sets.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from core.models import SiteSettings, StoredSecret
from core.services.site import secrets

Name = StoredSecret.Name
# Fields of SiteSettings -> the variable that wins over them.
VARIABLES = {
    "thinkific_subdomain": "THINKIFIC_SUBDOMAIN",
    "thinkific_rate_limit": "THINKIFIC_RATE_LIMIT",
    "email_sender": "DEFAULT_FROM_EMAIL",
}
LOST = (
    "The {} stored in Settings cannot be read, because SECRET_KEY was changed since. Enter it there again, "
    "or put the former key into SECRET_KEY_FALLBACKS."
)


def set_by_environment(variable: str) -> bool:
    return bool(getattr(settings, variable))


@dataclass(frozen=True)
class Secret:
    """A secret in use. `problem`: why the stored one cannot be used; empty when it can, or there is none."""

    value: str = ""
    problem: str = ""


def secret(name: str) -> Secret:
    """Returns a secret of the environment, else the stored one."""
    if set_by_environment(name):
        value: Any = getattr(settings, name)
        return Secret("\n".join(value) if isinstance(value, list) else value)
    encrypted = secrets.stored().get(name)
    if encrypted is None:
        return Secret()
    try:
        return Secret(secrets.decrypt(encrypted))
    except secrets.Unreadable:
        return Secret(problem=LOST.format(Name(name).label))


def several(written: str) -> list[str]:
    """Returns the secrets of Stripe in what a person wrote: they stand between blanks, lines or commas."""
    return written.replace(",", " ").split()


def subdomain() -> str:
    """Returns the name of the site, `acme` of acme.thinkific.com; empty when there is none."""
    return settings.THINKIFIC_SUBDOMAIN or SiteSettings.load().thinkific_subdomain.lower()


def webhook_secrets() -> list[str]:
    """Returns the secrets that webhooks may be signed with, besides the API key and the access token."""
    return secret(Name.WEBHOOK_SECRETS).value.split()


def has_access_token() -> bool:
    return bool(secret(Name.ACCESS_TOKEN).value)


def request_limit() -> int:
    """Returns how many requests all processes may send in THINKIFIC_RATE_WINDOW seconds."""
    if settings.THINKIFIC_RATE_LIMIT:
        return int(settings.THINKIFIC_RATE_LIMIT)
    a_minute = SiteSettings.load().thinkific_rate_limit
    return max(1, round(a_minute * settings.THINKIFIC_RATE_WINDOW / 60))
