"""Links in mails work in the forms in which mail programs pass them on."""

import pytest
from django.urls import reverse

from core.services.accounts import account_mail
from project.admin_urls import LINKS

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", LINKS)
def test_a_link_without_its_last_slash_opens_the_same_page(name, client):
    address = reverse(f"admin:{name}", args=["MQ", "a-token"])

    whole, cut = client.get(address), client.get(address[:-1])

    assert whole.status_code == cut.status_code
    assert cut.resolver_match.func.view_class is whole.resolver_match.func.view_class
    assert "no-store" in cut["Cache-Control"]


def test_a_password_is_set_by_a_link_without_its_last_slash(ana, client):
    answer = client.get(account_mail.address_of(ana)[:-1], follow=True)
    page = answer.redirect_chain[-1][0]
    client.post(page, dict.fromkeys(["new_password1", "new_password2"], "a long and unlikely one"))

    ana.refresh_from_db()
    assert ana.check_password("a long and unlikely one")


def test_the_token_of_a_cut_link_is_not_kept_in_the_address(ana, client):
    answer = client.get(account_mail.address_of(ana)[:-1])

    assert answer.status_code == 302 and answer["Location"].endswith("/confirm/")
