"""The screen of payments, and what Settings say about them."""

import re

import pytest
from django.urls import reverse

from core.models import Role, Sale, SiteSettings, StoredSecret, StripeEvent
from core.services.payments import carry_out, inbox, signatures
from core.services.site import connection
from tests.core.admin.settings.test_tabs import address
from tests.core.services.payments.conftest import course, metadata, on, sell, tell
from tests.core.services.payments.stripe import charge
from tests.dialogs import Inputs, shown_by
from tests.factories import ProductFactory, StripeEventFactory, UserFactory, WebhookDeliveryFactory

__all__ = ["course", "metadata", "on", "sell", "tell"]
pytestmark = pytest.mark.django_db
LIST = "/admin/core/stripeevent/"


def words(response) -> str:
    return response.content.decode()


def failed(sell) -> str:
    sell(metadata={"b2b_products": "99"})
    return f"{LIST}{StripeEvent.objects.get().pk}/"


def test_a_payment_is_listed_with_what_came_of_it(sell, tell, signed_in, alma):
    sell()
    tell("charge.refunded", charge(20_000))
    browser = signed_in(alma)
    page = words(browser.get(LIST))

    assert "Bea Buyer" in page and "Checkout completed" in page and "2 places on Forklift Safety" in page
    assert "detail-tabs" in page  # the third tab of API
    detail = words(browser.get(f"{LIST}{StripeEvent.objects.first().pk}/change/"))
    assert "1,000.00 EUR, 200.00 EUR refunded" in detail
    assert "10 places on Forklift Safety, 2 taken back" in detail


@pytest.mark.parametrize("screen", ["stripeevent", "webhookdelivery", "webhookendpoint"])
def test_no_link_stands_inside_a_link(signed_in, alma, screen):
    StripeEventFactory()
    WebhookDeliveryFactory()
    page = words(signed_in(alma).get(f"/admin/core/{screen}/"))

    assert f"/admin/core/{screen}/" in page
    assert not re.search(r"<a\b[^>]*>(?:(?!</a>).)*<a\b", page, re.S)


def test_retry_carries_out_what_was_corrected(sell, signed_in, alma):
    page, browser = failed(sell), signed_in(alma)
    assert "productable id 99" in words(browser.get(f"{page}change/"))
    assert "Bea@buyer.example" in words(browser.get(LIST))  # who has paid
    ProductFactory(productable_id=99)
    url = f"{page}do/retry/"
    browser.post(url, shown_by(browser, url))
    carry_out.carry_out_due()

    assert StripeEvent.objects.get().status == "processed" and Sale.objects.count() == 1
    assert "Retry" not in words(browser.get(f"{page}change/"))


def test_set_aside_lists_it_as_ignored(sell, signed_in, alma):
    url, browser = f"{failed(sell)}do/set-aside/", signed_in(alma)
    browser.post(url, shown_by(browser, url))

    row = StripeEvent.objects.get()
    assert row.status == "ignored" and row.outcome.startswith("Set aside by Alma Admin. It had failed:")
    assert not inbox.retry(row)


@pytest.mark.parametrize("person", ["mara", "owen", "ana"])
def test_people_of_a_team_see_nothing_of_it(person, request, signed_in, db):
    row = StripeEventFactory(status="failed")
    browser = signed_in(request.getfixturevalue(person))

    assert browser.get(LIST).status_code == 403
    assert browser.post(f"{LIST}{row.pk}/do/retry/", {}).status_code in {302, 403, 404}
    assert StripeEvent.objects.get().status == "failed"


def test_an_administrator_without_the_right_sees_nothing_of_it(signed_in, db):
    role = Role.objects.create(name="Few", is_global=True, permissions=["users.view", "seats.view"])
    row, browser = StripeEventFactory(status="failed"), signed_in(UserFactory(global_role=role))

    assert browser.get(LIST).status_code == 403
    assert browser.get(f"{LIST}{row.pk}/change/").status_code in {302, 403, 404}


# --- settings -----------------------------------------------------------------------------------------------


@pytest.fixture
def no_environment(settings, db):
    settings.STRIPE_WEBHOOK_SECRET = []
    SiteSettings.load()


def save(browser, **values: object):
    page = words(browser.get(address("payments")))
    form = Inputs(page.split('id="sitesettings_form"')[1]).sent
    return browser.post(address("payments"), form | values)


def do(slug: str) -> str:
    return reverse("admin:core_sitesettings_do", args=[1, slug])


def test_secret_and_account_are_set_and_the_secret_never_shown(no_environment, signed_in, alma):
    browser = signed_in(alma)
    page = words(browser.get(address("payments")))
    assert "/webhooks/stripe" in page and all(topic in page for topic in inbox.TOPICS)
    browser.post(do("change-stripe-signing-secret"), {"secret": "whsec_never-shown-0123456789"})
    save(browser, payments_account=alma.pk)

    assert SiteSettings.load().payments_account == alma
    assert connection.secret(StoredSecret.Name.STRIPE).value == "whsec_never-shown-0123456789"
    page = words(browser.get(address("payments")))
    assert "Stored" in page and "never-shown" not in page


@pytest.mark.parametrize("between", [" ", ", ", ",", "  "])
def test_several_secrets_are_taken_however_they_are_separated(no_environment, signed_in, alma, between):
    several = ["whsec_former-0123456789", "whsec_present-0123456789"]
    browser = signed_in(alma)
    browser.post(do("change-stripe-signing-secret"), {"secret": between.join(several)})

    assert signatures.secrets() == several


def test_commas_alone_are_no_secret(no_environment, signed_in, alma):
    page = words(signed_in(alma).post(do("change-stripe-signing-secret"), {"secret": " , "}))

    assert "Enter the secret." in page and not StoredSecret.objects.exists()


def test_the_keys_of_thinkific_stand_on_their_tab_only(no_environment, signed_in, alma):
    browser = signed_in(alma)

    assert "remove-api-key" not in words(browser.get(address("payments")))
    assert "API access token" not in words(browser.get(address("payments")))
    assert (
        "Stripe" not in words(browser.get(address("thinkific"))).split('id="keys"')[1].split("</section>")[0]
    )


def test_only_an_account_without_more_rights_can_be_named(no_environment, signed_in, root, mara):
    few = Role.objects.create(
        name="Few", is_global=True, permissions=["settings.view", "settings.edit", "users.view", "users.edit"]
    )
    person = UserFactory(global_role=few)
    browser = signed_in(person)
    for other in (root, mara):
        save(browser, payments_account=other.pk)
        assert SiteSettings.objects.get().payments_account is None

    save(browser, payments_account=person.pk)
    assert SiteSettings.objects.get().payments_account == person


def test_who_could_not_name_the_account_cannot_change_the_secret(no_environment, signed_in, root):
    few = Role.objects.create(name="Few", is_global=True, permissions=["settings.view", "settings.edit"])
    SiteSettings.objects.update(payments_account=root)
    browser = signed_in(UserFactory(global_role=few))
    browser.post(do("change-stripe-signing-secret"), {"secret": "whsec_of-somebody-else-01234567"})

    assert not StoredSecret.objects.exists()
    assert "whose account you may not change" in words(browser.get(do("change-stripe-signing-secret")))
