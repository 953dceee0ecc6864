"""The web server of an installation, on the database of a test."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.project.serving.server import production


@dataclass(frozen=True)
class Site:
    address: str
    log: Path


@contextlib.contextmanager
def running(folder: Path, environment: dict[str, str]) -> Iterator[Site]:
    """Run it with the settings of the tests: passwords are hashed quickly and no mail is sent. Calls are
    counted, and a million may be made in a minute. `environment` is the fixture `process_environment`."""
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE_URL": environment["DATABASE_URL"],
        "TEST_REDIS_URL": environment.get("TEST_REDIS_URL", ""),
        "API_CALLS_PER_MINUTE": "1000000",
    }
    with production(folder, **variables) as server:
        yield Site(f"http://localhost:{server.port}", folder / "web.log")
