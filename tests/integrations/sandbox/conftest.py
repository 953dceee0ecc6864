"""A stand-in with a small generated site, without limits unless a test sets some."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from integrations.thinkific.sandbox import Sandbox, Scale, Site

AS_OF = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Client:
    """Sends requests with the credentials of the site."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.session.headers.update(sandbox.auth)

    def __call__(self, method: str, path: str, **options: Any) -> requests.Response:
        base = "" if path.startswith(("/api/v2", "/_sandbox")) else "/api/public/v1"
        if path.startswith("/api/v2"):  # accepts only this header
            options["headers"] = {"Authorization": f"Bearer {self.sandbox.api_key}"}
        return self.session.request(method, self.sandbox.url + base + path, timeout=10, **options)

    def get(self, path: str, **query: Any) -> Any:
        answer = self("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def all(self, path: str, limit: int = 250, **query: Any) -> list[Any]:
        rows, page = [], 1
        while page:
            answer = self.get(path, limit=limit, page=page, **query)
            rows += answer["items"]
            page = answer["meta"]["pagination"]["next_page"]
        return rows

    def graphql(self, query: str, **variables: Any) -> Any:
        answer = requests.post(
            f"{self.sandbox.url}/stable/graphql",
            json={"query": query, "variables": variables},
            headers=self.sandbox.bearer,
            timeout=10,
        )
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def make_sandbox() -> Iterator[Callable[..., Sandbox]]:
    running: list[Sandbox] = []

    def start(scale: Scale | None = None, **options: Any) -> Sandbox:
        site = Site.generate(scale or Scale(users=60), seed=1, as_of=AS_OF)
        sandbox = Sandbox(site=site, **({"rate_limit": 0} | options)).start()
        running.append(sandbox)
        return sandbox

    yield start
    for sandbox in running:
        sandbox.stop()


@pytest.fixture
def sandbox(make_sandbox) -> Sandbox:
    return make_sandbox()


@pytest.fixture
def call(sandbox) -> Client:
    return Client(sandbox)
