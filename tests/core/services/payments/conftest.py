import pytest

from core.models import Product, SiteSettings
from core.services.payments import carry_out
from tests.core.services.payments.stripe import SECRET, event, send, session
from tests.factories import ProductFactory


@pytest.fixture
def on(settings, alma):
    """The handler is on, and Alma carries payments out."""
    settings.STRIPE_WEBHOOK_SECRET = [SECRET]
    site = SiteSettings.load()
    site.payments_account = alma
    site.save()


@pytest.fixture
def course(db) -> Product:
    return ProductFactory(name="Forklift Safety", productable_id=1379051)


@pytest.fixture
def metadata(course) -> dict:
    return {"b2b_products": "1379051", "b2b_places": "10", "b2b_days": "365"}


@pytest.fixture
def sell(on, metadata):
    """Sends a paid session and carries it out."""

    def sold(**values) -> None:
        more = values.pop("metadata", {})
        thing = session(metadata | more, **values)
        send(event("checkout.session.completed", thing, f"evt_{thing['id']}"))
        carry_out.carry_out_due()

    return sold


@pytest.fixture
def tell(on):
    """Sends an event and carries it out."""

    def told(topic: str, thing: dict, key: str = "evt_told") -> None:
        assert send(event(topic, thing, key)).status_code == 200
        carry_out.carry_out_due()

    return told
