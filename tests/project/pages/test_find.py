"""Ctrl+K finds people, teams, products, groups and screens, as far as the person may see them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.factories import ProductFactory, TeamFactory, ThinkificGroupFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def found(signed_in):
    def look(person, words):
        response = signed_in(person).get(reverse("admin:search"), {"s": words})
        assert response.status_code == 200
        return response.content.decode()

    return look


def test_everything_is_found_by_name(alma, found):
    person = UserFactory(
        first_name="Özlem", last_name="Kaya", email="ozlem@people.example", thinkific_id=4711
    )
    team = TeamFactory(name="Kaya Shipping")
    product = ProductFactory(name="Kaya basics", productable_id=77)
    group = ThinkificGroupFactory(name="Kaya people")

    page = found(alma, "kaya")

    for row in (person, team, product, group):
        assert reverse(f"admin:core_{row._meta.model_name}_change", args=[row.pk]) in page
    assert "ozlem@people.example" in page
    assert "Course 77" in page
    assert "Özlem" in found(alma, "öz kay")
    assert "Özlem" in found(alma, "4711")
    assert reverse("admin:core_seat_changelist") in found(alma, "seat")


def test_more_than_a_few_lead_to_their_list(alma, found):
    UserFactory.create_batch(7, last_name="Kaya")

    page = found(alma, "kaya")

    assert page.count("<bdi>") == 10  # five of them, each with an address
    assert f"{reverse('admin:core_user_changelist')}?q=kaya" in page


def test_nobody_finds_what_they_may_not_see(mara, ana, otto, globex, found):
    assert "Ana Ames" in found(mara, "ana")
    for words in (otto.email, "globex"):
        assert "Nothing was found" in found(mara, words)
    assert "Nothing was found" in found(mara, "settings")
    assert "Nothing was found" in found(ana, "ana")  # a student opens no list


@pytest.mark.parametrize("words", ["", " ", "\x00", "x" * 5000, "<script>", "%", "a b c d e f g h"])
def test_whatever_is_typed_is_answered(alma, found, words):
    page = found(alma, words)

    assert "<script>" not in page


def test_its_cost_does_not_grow(alma, found, signed_in):
    UserFactory.create_batch(30, last_name="Kaya")
    browser = signed_in(alma)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        browser.get(reverse("admin:search"), {"s": "kaya"})

    assert len(queries) < 16
