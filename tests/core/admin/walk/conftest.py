import logging
from collections.abc import Iterator

import pytest
from django.db import transaction

from tests.core.admin.walk.browsing import Browser
from tests.core.admin.walk.world import World, build


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker) -> Iterator[World]:
    """Built once for a module; every request of the walk is undone."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of refusals, each logged with where it was raised, take longer than the walk."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def connected_by_name(settings) -> None:
    """Runs can be asked for; nothing carries them out."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.core.admin.walk.browsing.WithoutDrawing"]
    settings.THINKIFIC_SUBDOMAIN = "acme"
    settings.THINKIFIC_API_KEY = "0" * 32
    settings.THINKIFIC_ACCESS_TOKEN = "1" * 60


@pytest.fixture
def window(world, db):
    """`window("manager")` is a browser in which the manager has signed in."""
    opened: dict[str, Browser] = {}

    def of(name: str) -> Browser:
        if name not in opened:
            opened[name] = Browser(world.people.get(name))
        return opened[name]

    return of
