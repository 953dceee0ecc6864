"""The names of things on screens: readable, and the same everywhere."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.utils.text import capfirst

from core.admin.kit import cells
from integrations.thinkific.cleaning import Notes
from integrations.thinkific.client.schemas import Product, ProductPrice
from integrations.thinkific.mapping import product_row
from tests.factories import LessonFactory, ProductFactory


@pytest.mark.once
@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("LIVE_LESSON", "Live lesson"),
        ("HtmlItem", "Text"),
        ("QuizContent", "Quiz"),
        ("PDF", "PDF"),
        ("Iframe", "Multimedia"),
        ("SomethingNew", "Something new"),
        ("", cells.NOTHING),
    ],
)
def test_a_kind_of_lesson_in_words(raw, shown):
    assert cells.lesson_kind(raw) == shown


@pytest.mark.django_db
def test_the_curriculum_says_it_so(signed_in, root):
    lesson = LessonFactory(content_type="LIVE_LESSON")

    page = signed_in(root).get(f"/admin/core/product/{lesson.chapter.product_id}/change/?tab=curriculum")

    assert "Live lesson" in page.content.decode()
    assert "LIVE_LESSON" not in page.content.decode()


@pytest.mark.django_db
def test_a_price_has_its_currency(signed_in, root):
    ProductFactory(price=Decimal("1049.5"), currency="EUR")
    ProductFactory(price=Decimal(0), currency="EUR")

    page = signed_in(root).get("/admin/core/product/").content.decode()

    assert "1,049.50\u00a0EUR" in page
    assert "Free" in page and "0.00" not in page


@pytest.mark.once
@pytest.mark.parametrize(
    ("prices", "currency"),
    [
        (
            [ProductPrice(currency="usd", is_primary=False), ProductPrice(currency="eur", is_primary=True)],
            "EUR",
        ),
        ([ProductPrice(currency="usd")], "USD"),
        ([ProductPrice(currency="dollars")], ""),
        ([ProductPrice()], ""),
        (None, ""),
    ],
)
def test_the_currency_is_that_of_the_primary_price(prices, currency):
    product = Product(id=1, productable_id=2, productable_type="Course", price="10", product_prices=prices)

    assert product_row(product, Notes(), site_url="", now=None).get("currency", "") == currency


@pytest.mark.once
def test_no_label_is_a_name_of_the_code():
    """ "Sso link text", "Every minutes", "Thinkific id": what Django makes of a column's name."""
    labels = {
        capfirst(str(field.verbose_name))
        for model in apps.get_models()
        if model._meta.app_label in {"core", "integrations"} and not model.__name__.startswith("Historical")
        for field in model._meta.concrete_fields
        if field.editable and not field.primary_key
    }

    wrong = ("Sso", "Url", "Api ", "Id", "Csv")
    assert [label for label in labels if label.startswith(wrong) or label == "Every minutes"] == []


@pytest.mark.django_db
def test_the_settings_are_named_once(signed_in, root):
    page = signed_in(root).get("/admin/core/sitesettings/1/change/", follow=True).content.decode()

    head = page.split('id="header-inner"')[-1].split("</header>")[0] if 'id="header-inner"' in page else page
    assert head.count('title="Settings">Settings</') == 1


@pytest.mark.django_db
def test_the_page_of_the_api_names_no_command_that_is_not_there(signed_in, root):
    assert "create_api_token" not in signed_in(root).get("/admin/core/apitoken/").content.decode()
