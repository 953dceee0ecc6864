"""Who calls: the bearer token of a call, and what it may be used for."""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja.security import HttpBearer

from api.errors import refuse
from core.models import ApiToken, User
from core.services.api import scopes, tokens


class ApiRequest(HttpRequest):
    """A call with a valid token."""

    token: ApiToken
    issuer: User


def token_of(request: HttpRequest) -> ApiToken | None:
    """Returns the valid token of the Authorization header; None without one. The scheme may be written in
    any case. Tokens in an address are not looked at: addresses are logged."""
    scheme, _, secret = request.META.get("HTTP_AUTHORIZATION", "").strip().partition(" ")
    secret = secret.strip()
    if scheme.lower() != "bearer" or not secret.startswith(tokens.START):
        return None
    return tokens.find(secret, now=timezone.now())


class Bearer(HttpBearer):
    """A token that may be used for a scope, and whose issuer holds one of Django's permissions, as the
    screens ask for it. `api.calls.entry` has found the token already."""

    def __init__(self, scope: str = "", permission: str = "") -> None:
        super().__init__()
        self.scope, self.permission = scope, permission

    def __call__(self, request: HttpRequest) -> Any:
        return self.authenticate(request, "")

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        found: ApiToken = request.token  # type: ignore[attr-defined]
        if self.scope and not scopes.allows(found.scopes, self.scope):
            raise refuse(403, f"This token may not be used for this: it lacks the scope {self.scope}.")
        if self.permission and not found.user.has_perm(self.permission):
            raise refuse(403, "The issuer of this token has no right to this.")
        return found
