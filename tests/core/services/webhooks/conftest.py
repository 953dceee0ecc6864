import pytest

from core.models import WebhookEndpoint
from core.services.webhooks import endpoints
from tests.receivers import Receiver, receiver


@pytest.fixture(autouse=True)
def loopback_allowed(settings):
    settings.WEBHOOKS_ALLOW_LOOPBACK = True


@pytest.fixture
def shop() -> Receiver:
    with receiver() as one:
        yield one


@pytest.fixture
def made(alma):
    """Makes an endpoint. Returns it and its secret."""

    def make(url: str, events=("*",), **values) -> tuple[WebhookEndpoint, str]:
        return endpoints.create(url=url, events=events, by=alma, **values)

    return make
