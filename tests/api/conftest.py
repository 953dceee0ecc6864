"""Fixtures for the REST API: `api` makes a client that sends a token of a user."""

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from core.models import User
from core.services.api import tokens


class ApiClient:
    """Sends calls with a token. `answer.json()` is the body of an answer."""

    def __init__(self, secret: str = "") -> None:
        self.secret, self.client = secret, Client(raise_request_exception=True)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        """`body` is sent as JSON; bytes are sent as they are. Headers: `Idempotency_Key="1"`."""
        sent = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        if self.secret:
            given.setdefault("HTTP_AUTHORIZATION", f"Bearer {self.secret}")
        return self.client.generic(method, f"/api/{path}", sent, "application/json", **given)

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        return self.call("DELETE", path, **headers)


@pytest.fixture
def api(db):
    """Returns a client for a user; `scopes` narrow its token."""

    def client(user: User, *scopes: str) -> ApiClient:
        return ApiClient(tokens.issue(user=user, name="Test", scopes=scopes)[1])

    return client


@pytest.fixture
def nobody() -> ApiClient:
    return ApiClient()
