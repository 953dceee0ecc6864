"""A secret that is shown once: kept encrypted in the session until the next page of its screen."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

from core import acting
from core.models import ApiToken
from core.services.site import secrets

KEY = "new_api_token"


def remember(token: ApiToken, secret: str) -> Callable[[HttpRequest], None]:
    """Returns what keeps the secret for the next page."""

    def keep(request: HttpRequest) -> None:
        request.session[KEY] = [token.pk, token.name, secrets.encrypt(secret)]

    return keep


def take(request: HttpRequest) -> dict[str, Any] | None:
    """Returns the token's key, name and secret, and forgets it; None when there is none, and while somebody
    acts as somebody else."""
    if acting.current() or KEY not in request.session:
        return None
    key, name, encrypted = request.session.pop(KEY)
    try:
        return {"key": key, "name": name, "secret": secrets.decrypt(encrypted)}
    except secrets.Unreadable:
        return None
