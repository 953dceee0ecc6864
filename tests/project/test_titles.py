"""Page titles: the name of a kind begins with a capital; names and addresses are shown as they are."""

import re

import pytest
from django.urls import reverse

from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.once]


def words_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


@pytest.mark.parametrize("address", ["onlymail@test.example", "x@localhost", "\u017fam@test.example"])
@pytest.mark.parametrize("tab", ["", "?tab=teams"])
def test_an_address_in_a_title_keeps_its_case(alma, signed_in, address, tab):
    person = UserFactory(first_name="", last_name="", email=address)
    url = reverse("admin:core_user_change", args=[person.pk])

    page = signed_in(alma).get(url + tab).content.decode()

    changed = address[0].upper() + address[1:]
    assert changed not in page
    assert f"Users chevron_right {address}" in words_of(page)


def test_a_name_keeps_its_case_too(alma, signed_in):
    person = UserFactory(first_name="bell", last_name="hooks")

    page = signed_in(alma).get(reverse("admin:core_user_change", args=[person.pk])).content.decode()

    assert "Users chevron_right bell hooks" in words_of(page)


def test_the_name_of_a_kind_begins_with_a_capital(alma, signed_in):
    page = signed_in(alma).get(reverse("admin:core_quizresult_changelist")).content.decode()

    assert "Quiz results" in words_of(page)
