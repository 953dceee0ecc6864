"""The tab Short links of a team's and a product's page."""

import pytest
from django.urls import reverse

from core.models import ShortLink
from core.services.opening import short_links
from tests.dialogs import row_is_gone, shown_by
from tests.factories import ShortLinkFactory

pytestmark = pytest.mark.django_db


def tab_of(obj) -> str:
    return reverse(f"admin:core_{obj._meta.model_name}_change", args=[obj.pk]) + "?tab=short-links"


def add_at(obj) -> str:
    return reverse(f"admin:core_{obj._meta.model_name}_do", args=[obj.pk, "add-short-link"])


def revoke_at(obj, link) -> str:
    name = f"admin:core_{obj._meta.model_name}_do_row"
    return reverse(name, args=[obj.pk, "revoke-short-link", link.pk])


def test_a_manager_makes_copies_and_revokes_a_link(signed_in, mara, acme):
    client = signed_in(mara)
    client.post(add_at(acme), shown_by(client, add_at(acme)) | {"note": "Intranet"})
    link = ShortLink.objects.get()
    page = client.get(tab_of(acme)).content.decode()
    assert "Intranet" in page and f'data-copy="{short_links.address_of(link)}"' in page

    client.post(revoke_at(acme, link), shown_by(client, revoke_at(acme, link)))
    page = client.get(tab_of(acme)).content.decode()
    assert "Revoked" in page and link.code not in page


def test_an_administrator_makes_a_products_link_and_managers_copy_it(
    signed_in, alma, mara, acme_seat, accounting
):
    assert "Short links" not in signed_in(mara).get(tab_of(accounting)).content.decode()
    office = signed_in(alma)
    office.post(add_at(accounting), shown_by(office, add_at(accounting)))
    link = ShortLink.objects.get()

    page = signed_in(mara).get(tab_of(accounting)).content.decode()
    assert link.code in page and "Add Short Link" not in page and "revoke-short-link" not in page
    signed_in(mara).post(revoke_at(accounting, link), {"asked": "", "asked_of": ""})
    signed_in(mara).post(add_at(accounting), {"note": ""})
    assert ShortLink.objects.working().count() == 1


def test_nobody_touches_the_links_of_another_team(signed_in, mara, acme, globex):
    link = ShortLinkFactory(team=globex)
    client = signed_in(mara)

    assert client.post(add_at(globex), {"note": ""}).status_code == 404
    assert client.post(revoke_at(globex, link), {}).status_code == 404
    assert row_is_gone(client.post(revoke_at(acme, link), {}))
    assert ShortLink.objects.working().count() == 1


def test_the_history_names_the_link(signed_in, alma, acme):
    short_links.make(team=acme, label="Poster", by=alma)

    page = signed_in(alma).get(reverse("admin:history")).content.decode()
    assert "Poster" in page and "short link made" in page


def test_the_tab_says_when_people_have_to_sign_in_twice(signed_in, mara, acme):
    assert "switched off in the settings" in signed_in(mara).get(tab_of(acme)).content.decode()
