"""The tabs of Settings: what each shows and saves, its defaults, and two administrators at once."""

import pytest
from django.urls import reverse

from core.admin.settings.tabs import SHOWN, TABS, tab_called
from core.models import SiteSettings
from tests.dialogs import Inputs
from tests.factories import builtin_role

pytestmark = pytest.mark.django_db


def address(tab: str) -> str:
    return f"{reverse('admin:core_sitesettings_change', args=[SiteSettings.load().pk])}?tab={tab}"


def form_of(client, tab: str) -> dict:
    page = client.get(address(tab)).content.decode()
    return Inputs(page.split('id="sitesettings_form"', 1)[1].split("</form>", 1)[0]).sent


def test_each_field_is_in_one_tab():
    names = [name for tab in TABS for name in tab.names]

    assert len(names) == len(set(names))
    assert {field.name for field in SiteSettings._meta.get_fields()} >= set(names)


@pytest.mark.parametrize("tab", SHOWN, ids=lambda tab: tab.slug)
def test_a_tab_shows_its_own_fields_with_their_defaults(alma, signed_in, tab):
    response = signed_in(alma).get(address(tab.slug))

    assert list(response.context["adminform"].form.fields) == tab.names
    page = response.content.decode()
    assert page.count("Default: ") == len(tab.names)
    assert ">Changed<" not in page
    assert all(f">{other.title}</a>" in page for other in SHOWN)


def test_the_default_permissions_are_found_from_the_settings(alma, signed_in):
    page = signed_in(alma).get(address("people")).content.decode()

    for code in ("owner", "manager"):
        role = builtin_role(code)
        link = f'href="{reverse("admin:core_role_change", args=[role.pk])}?tab=permissions"'
        assert f"{link}>Default permissions of a new {role.name}</a>" in page
    assert "Default permissions of" not in signed_in(alma).get(address("general")).content.decode()


def test_an_example_in_a_help_text_is_no_html(alma, signed_in):
    page = signed_in(alma).get(address("general")).content.decode()

    assert "Acme Academy &lt;courses@acme.example&gt;" in page


def test_a_tab_that_does_not_exist_is_the_first_one():
    assert tab_called("nowhere") is SHOWN[0]


def test_a_tab_saves_its_own_fields_only(alma, signed_in):
    client = signed_in(alma)
    sent = form_of(client, "seats") | {"default_enrollment_days": "90", "delete_users": "on"}

    response = client.post(address("seats"), sent)

    assert response.url == address("seats")
    row = SiteSettings.load()
    assert row.default_enrollment_days == 90
    assert row.delete_users is False  # of another tab: the form does not have it
    page = client.get(address("seats")).content.decode()
    assert ">Changed<" in page and "Default: 365." in page
    last = SiteSettings.history.order_by("-history_id").first()
    assert (last.history_user, last.default_enrollment_days) == (alma, 90)
    assert last.prev_record.default_enrollment_days == 365


def test_a_field_that_somebody_saved_meanwhile_is_refused_with_both_values(alma, signed_in):
    client = signed_in(alma)
    sent = form_of(client, "retention") | {"retention_days": "30", "delete_users": "on"}
    SiteSettings.objects.update(retention_days=100)

    page = client.post(address("retention"), sent).content.decode()

    assert "This is “100” now. It was “365” when you opened this." in page
    row = SiteSettings.load()
    assert (row.retention_days, row.delete_users) == (100, False)


def test_the_chosen_settings_are_reset_to_their_defaults(alma, signed_in, acme):
    client = signed_in(alma)
    SiteSettings.load()
    SiteSettings.objects.update(default_max_members=7, placeholder_last_name="?", default_team=acme)
    url = reverse("admin:core_sitesettings_do", args=[1, "reset-people"])
    assert url in client.get(address("people")).content.decode()
    assert url not in client.get(address("seats")).content.decode()

    page = client.get(url).content.decode()
    assert "Default team: Acme → empty" in page and "Default max members: 7 → empty" in page
    client.post(url, {"settings": ["default_team", "default_max_members"]})

    row = SiteSettings.load()
    assert (row.default_team, row.default_max_members, row.placeholder_last_name) == (None, None, "?")
    assert SiteSettings.history.order_by("-history_id").first().history_user == alma


def test_a_reset_asks_again_when_somebody_changed_the_value(alma, signed_in):
    client = signed_in(alma)
    SiteSettings.load()
    SiteSettings.objects.update(retention_days=100)
    url = reverse("admin:core_sitesettings_do", args=[1, "reset-retention"])
    sent = Inputs(client.get(url).content.decode().split('id="dialog"', 1)[1]).sent
    SiteSettings.objects.update(retention_days=30)

    page = client.post(url, sent | {"settings": ["retention_days"]}).content.decode()

    assert "30 → 365" in page
    assert SiteSettings.load().retention_days == 30


@pytest.mark.parametrize("name", ["mara", "ana"])
def test_nobody_else_opens_settings(name, request, signed_in):
    client = signed_in(request.getfixturevalue(name))

    assert client.get(address("people")).status_code in {302, 403, 404}
    assert client.post(address("people"), {"placeholder_last_name": "?"}).status_code in {302, 403, 404}
    url = reverse("admin:core_sitesettings_do", args=[1, "reset-people"])
    SiteSettings.objects.update(placeholder_last_name="?")
    assert client.post(url, {"settings": ["placeholder_last_name"]}).status_code in {302, 403, 404}
    assert SiteSettings.load().placeholder_last_name == "?"


def test_a_change_of_what_takes_places_says_that_seats_are_counted(alma, signed_in):
    client, counted = signed_in(alma), "The used places of all seats are being counted again"
    form = form_of(client, "seats")
    form.pop("bought_enrollments_take_places", None)
    before = SiteSettings.load().bought_enrollments_take_places
    sent = form if before else form | {"bought_enrollments_take_places": "on"}

    first = client.post(address("seats"), sent, follow=True).content.decode()
    again = client.post(address("seats"), sent, follow=True).content.decode()

    assert SiteSettings.load().bought_enrollments_take_places != before
    assert counted in first and counted not in again
