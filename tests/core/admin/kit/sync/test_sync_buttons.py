"""Sync Products, Sync Product and Sync Groups: they ask first, go by POST, and lead to the run."""

import pytest
from django.urls import reverse

from integrations.models import SyncRun

SUBMITTED = {"_form_submitted": "on"}


@pytest.fixture
def buttons(accounting):
    return {
        "Sync Products": (reverse("admin:core_product_sync_products"), "products"),
        "Sync Product": (reverse("admin:core_product_sync_product", args=[accounting.pk]), "products"),
        "Sync Groups": (reverse("admin:core_thinkificgroup_sync_groups"), "groups"),
    }


BUTTONS = ["Sync Products", "Sync Product", "Sync Groups"]


@pytest.mark.parametrize("button", BUTTONS)
def test_following_the_link_asks_and_starts_nothing(connected, alma, signed_in, buttons, button):
    address, _ = buttons[button]

    page = signed_in(alma).get(address).content.decode()

    assert "from Thinkific?" in page or "with Thinkific?" in page
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize("button", BUTTONS)
def test_confirming_starts_a_run_in_ones_name_and_links_to_it(connected, alma, signed_in, buttons, button):
    address, kind = buttons[button]

    response = signed_in(alma).post(address, SUBMITTED, follow=True)

    run = SyncRun.objects.get()
    assert (run.kind, run.started_by) == (kind, alma)
    assert reverse("admin:integrations_syncrun_change", args=[run.pk]) in response.content.decode()


def test_one_product_is_synced_alone(connected, alma, signed_in, accounting, buttons):
    signed_in(alma).post(buttons["Sync Product"][0], SUBMITTED)

    assert SyncRun.objects.get().options == {"product_id": accounting.pk}


def test_a_dialog_is_ended_by_going_to_the_list(connected, alma, signed_in, buttons):
    response = signed_in(alma).post(buttons["Sync Products"][0], SUBMITTED, headers={"HX-Request": "true"})

    assert response.headers["HX-Redirect"] == reverse("admin:core_product_changelist")


@pytest.mark.parametrize("button", BUTTONS)
def test_without_a_connection_one_is_told_so(alma, signed_in, settings, buttons, button):
    settings.THINKIFIC_SUBDOMAIN = ""

    response = signed_in(alma).post(buttons[button][0], SUBMITTED, follow=True)

    assert "No Thinkific site is connected" in response.content.decode()
    assert not SyncRun.objects.exists()


@pytest.mark.parametrize("button", BUTTONS)
def test_what_is_refused_is_said_in_the_dialog(alma, signed_in, settings, buttons, button):
    settings.THINKIFIC_SUBDOMAIN = ""

    answer = signed_in(alma).post(buttons[button][0], SUBMITTED, headers={"HX-Request": "true"})

    assert "HX-Redirect" not in answer.headers
    assert "No Thinkific site is connected" in answer.content.decode().split('id="dialog"', 1)[1]


@pytest.mark.parametrize("who", ["mara", "owen", "ana"])
@pytest.mark.parametrize("button", BUTTONS)
def test_team_users_may_not(request, connected, acme_seat, signed_in, buttons, who, button):
    client = signed_in(request.getfixturevalue(who))

    assert client.post(buttons[button][0], SUBMITTED).status_code == 403
    assert client.get(buttons[button][0]).status_code == 403
    assert not SyncRun.objects.exists()
