import logging
from collections.abc import Iterator

import pytest
from django.db import transaction

from tests.core.admin.walk.browsing import Browser
from tests.core.admin.walk.world import World, build


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    """Built once for each module; the changes of every request are rolled back."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Disable logging: thousands of refusals with tracebacks would take longer than the tests."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def connected_by_name(settings, credentials) -> None:
    """Connect the dashboard, so that runs can be started; nothing carries them out."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.core.admin.walk.browsing.WithoutDrawing"]


@pytest.fixture
def window(world, db):
    """`window("manager")` returns a browser in which the manager is signed in."""
    opened: dict[str, Browser] = {}

    def of(name: str) -> Browser:
        if name not in opened:
            opened[name] = Browser(world.people.get(name))
        return opened[name]

    return of
