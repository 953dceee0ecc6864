"""A dialog over a page, as htmx requests it. If it cannot be shown, the page is loaded with the reason."""

import re
from urllib.parse import quote

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.admin.kit.dialogs.answering import NOT_ALLOWED, NOT_FOUND, ROW_MISSING
from core.models import Membership, User
from tests.dialogs import Inputs
from tests.factories import MembershipFactory, ThinkificGroupFactory, builtin_role

pytestmark = [pytest.mark.django_db, pytest.mark.once]

LIST = reverse("admin:core_user_changelist")


def do(slug: str, *keys: int) -> str:
    name = ("do_new", "do", "do_row")[len(keys)]
    return reverse(f"admin:core_user_{name}", args=[*keys[:1], slug, *keys[1:]])


def page_of(user, tab: str = "") -> str:
    return reverse("admin:core_user_change", args=[user.pk]) + (f"?tab={tab}" if tab else "")


def by_htmx(client: Client, method: str, address: str, data: dict | None = None, *, on: str):
    """What htmx sends from a page of this site."""
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{on}#part"}
    return getattr(client, method)(address, data or {}, headers=headers)


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.mark.parametrize("method", ["get", "post"])
def test_who_has_to_sign_in_again_gets_to_sign_in_and_comes_back_to_the_page(ana, method):
    response = by_htmx(Client(), method, do("edit", ana.pk), on=page_of(ana, "teams"))

    assert response.status_code == 200
    assert "Location" not in response.headers
    assert response.headers["HX-Redirect"] == f"/admin/login/?next={quote(page_of(ana, 'teams'), safe='')}"
    assert not response.content


def test_a_form_sent_after_the_session_ended_leads_back_to_its_page_not_to_its_address(alma):
    """`/admin/tools/sync-products/` takes what a form sends, and nothing else."""
    response = Client().post(
        "/admin/tools/sync-products/", headers={"Referer": "http://testserver/admin/tools/"}
    )

    assert (response.status_code, response.headers["Location"]) == (
        302,
        "/admin/login/?next=%2Fadmin%2Ftools%2F",
    )


@pytest.mark.parametrize("elsewhere", ["https://evil.example/admin/", "//evil.example/", "javascript:x"])
def test_nobody_is_led_to_another_site(ana, elsewhere):
    headers = {"HX-Request": "true", "HX-Current-URL": elsewhere, "Referer": elsewhere}

    response = Client().get(do("edit", ana.pk), headers=headers)

    assert response.headers["HX-Redirect"] == "/admin/login/?next=%2Fadmin%2F"


def test_what_no_longer_applies_leads_to_the_page_with_the_message(alma, ana, signed_in):
    response = by_htmx(signed_in(alma), "get", do("unlock-sign-in", ana.pk), on=page_of(ana))

    assert response.headers["HX-Redirect"] == page_of(ana)
    assert said(response) == ["“Unlock Sign-in” is no longer needed. This page shows the present state."]


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_row_that_is_gone_leads_to_its_tab_with_the_message(alma, ana, signed_in, globex, method):
    membership = MembershipFactory(team=globex, user=ana)
    address = do("leave-team", ana.pk, membership.pk)
    Membership.objects.filter(pk=membership.pk).delete()

    response = by_htmx(signed_in(alma), method, address, on=page_of(ana, "teams"))

    assert response.headers["HX-Redirect"] == page_of(ana, "teams")
    assert said(response) == [ROW_MISSING]


def test_an_object_that_is_gone_leads_from_its_page_to_the_list(alma, ana, signed_in):
    address, page = do("edit", ana.pk), page_of(ana)
    ana.delete()

    response = by_htmx(signed_in(alma), "get", address, on=page)

    assert response.headers["HX-Redirect"] == LIST
    assert said(response) == [NOT_FOUND]


def test_who_may_no_longer_do_it_is_told_so_on_the_page(alma, ana, signed_in):
    client = signed_in(alma)
    User.objects.filter(pk=ana.pk).update(is_superuser=True)

    response = by_htmx(client, "get", do("edit", ana.pk), on=page_of(ana))

    assert response.headers["HX-Redirect"] == page_of(ana)
    assert said(response) == [NOT_ALLOWED]


def test_an_error_is_drawn_in_the_dialog_and_the_next_try_stays_there_too(alma, ana, signed_in):
    client = signed_in(alma)
    form = 'hx-post="' + do("edit", ana.pk)
    assert form in by_htmx(client, "get", do("edit", ana.pk), on=page_of(ana)).content.decode()

    response = by_htmx(client, "post", do("edit", ana.pk), {"email": "not one"}, on=page_of(ana))

    assert response.status_code == 200
    assert "HX-Redirect" not in response.headers
    assert "is not an e-mail address" in response.content.decode()
    assert form in response.content.decode()


def test_what_was_done_leads_to_the_page_with_what_is_said(alma, ana, signed_in):
    sent = {"first_name": "Anna", "last_name": "Ames", "email": ana.email, "is_active": "on"}

    response = by_htmx(signed_in(alma), "post", do("edit", ana.pk), sent, on=page_of(ana))

    assert response.headers["HX-Redirect"] == page_of(ana)
    assert said(response)[0].startswith("Anna Ames is saved.")


def test_a_dialog_that_is_a_page_of_its_own_is_sent_as_one(alma, ana, signed_in):
    assert "hx-post" not in signed_in(alma).get(do("edit", ana.pk)).content.decode()


def test_enter_presses_the_first_button_not_the_one_besides(alma, acme, signed_in):
    group = ThinkificGroupFactory()
    page = signed_in(alma).get(reverse("admin:core_thinkificgroup_do", args=[group.pk, "assign-team"]))
    dialog = page.content.decode().split('id="dialog"', 1)[1]

    assert dialog.index("data-once") < dialog.index('name="and_sync"')


def test_an_error_in_a_tools_dialog_is_drawn_in_it(alma, signed_in):
    client = signed_in(alma)
    address = "/admin/tools/import-groups-users/"

    response = by_htmx(client, "post", address, {"groups": []}, on="/admin/tools/")

    body = response.content.decode()
    assert "Choose at least one group." in body
    assert f'hx-post="{address}"' in body


def test_a_form_with_many_choices_is_sent_again_after_an_error(alma, acme, signed_in):
    """Drawn again, it says what it showed of every field, also of choices of which none was made."""
    client = signed_in(alma)
    form = {"email": "not one", "first_name": "Nia", "role": builtin_role("student").pk, "initial-email": ""}
    page = client.post(do("add"), form).content.decode()
    shown = re.findall(r'name="(initial-[\w]+)"(?: value="([^"]*)")?', page)

    client.post(do("add"), form | dict(shown) | {"email": "nia@acme.example", "teams": [acme.pk]})

    assert Membership.objects.filter(team=acme, user__email="nia@acme.example").exists()


def test_the_button_above_a_list_opens_the_dialog_over_it_and_leads_to_its_page_otherwise(alma, signed_in):
    client, button = signed_in(alma), "/admin/core/user/add_user/"

    assert client.get(button).headers["Location"] == do("add")
    over = by_htmx(client, "get", button, on=LIST).content.decode()
    assert 'aria-modal="true"' in over
    assert f'hx-post="{button}"' in over
    assert client.get(button, {"pick": "teams"}).json()["results"] == []
    assert "aria-modal" not in client.get(do("add")).content.decode()


def test_a_panel_leaves_the_viewer_on_the_list_with_a_link_to_what_was_made(alma, acme, signed_in):
    student = builtin_role("student").pk
    form = {"first_name": "Nia", "email": "nia@acme.example", "role": student, "teams": [acme.pk]}
    seen = f"{LIST}?q=acme"

    response = by_htmx(signed_in(alma), "post", "/admin/core/user/add_user/", form, on=seen)

    nia = User.objects.get(email="nia@acme.example")
    assert response.headers["HX-Redirect"] == seen
    assert f'<a class="underline" href="{page_of(nia)}">Open it</a>' in said(response)[0]


TOOLS, GROUPS = "/admin/tools/teams/?q=ac&p=2", "/admin/core/thinkificgroup/?q=int&o=1"


def on_the_group(group, team, slug):
    form = {"team": team.pk, "direction": "disabled"}
    return reverse("admin:core_thinkificgroup_do", args=[group.pk, slug]), form


@pytest.mark.parametrize("on", [TOOLS, LIST + "?q=acme&p=2"])
def test_a_row_action_returns_to_the_list_as_it_was(alma, acme, signed_in, on):
    address = reverse("admin:core_team_do", args=[acme.pk, "archive"])

    response = by_htmx(signed_in(alma), "post", address, on=on)

    assert response.headers["HX-Redirect"] == on
    own = reverse("admin:core_team_change", args=[acme.pk])
    assert said(response) == [
        f'Acme is archived. Restore Team makes it usable again. <a class="underline" href="{own}">Open it</a>'
    ]


def test_a_group_is_assigned_and_synced_from_the_list(alma, acme, signed_in, connected):
    group = ThinkificGroupFactory(name="Interns", thinkific_id=9)
    address, form = on_the_group(group, acme, "assign-team")

    response = by_htmx(signed_in(alma), "post", address, form | {"and_sync": "1"}, on=GROUPS)

    assert response.headers["HX-Redirect"] == GROUPS
    assert "see the run" in said(response)[0] and "Open it" in said(response)[0]


def test_a_button_above_a_list_returns_to_the_list_as_it_was(alma, signed_in, connected):
    address = "/admin/core/thinkificgroup/sync_groups/"

    response = by_htmx(signed_in(alma), "post", address, on=GROUPS)

    assert response.headers["HX-Redirect"] == GROUPS
    assert "Open it" not in said(response)[0]


def test_the_same_dialog_stays_on_the_page_of_its_object_with_what_was_searched(alma, ana, signed_in):
    membership, page = ana.memberships.get(), page_of(ana, "teams") + "&o=-1"
    address, role = do("change-role", ana.pk, membership.pk), builtin_role("manager")

    response = by_htmx(signed_in(alma), "post", address, {"role": role.pk}, on=page)

    assert response.headers["HX-Redirect"] == page
    assert "Open it" not in said(response)[0]


def test_what_is_done_already_leads_to_the_list_too(alma, acme, signed_in):
    acme.archived_at = timezone.now()
    acme.save()
    address = reverse("admin:core_team_do", args=[acme.pk, "archive"])

    response = by_htmx(signed_in(alma), "post", address, on=TOOLS)

    assert response.headers["HX-Redirect"] == TOOLS


@pytest.mark.parametrize(
    ("on", "to_list"), [(f"http://testserver{TOOLS}", True), ("https://evil.example/admin/", False)]
)
def test_without_scripts_the_page_of_a_dialog_leads_back_to_the_list(alma, acme, signed_in, on, to_list):
    address, client = reverse("admin:core_team_do", args=[acme.pk, "archive"]), signed_in(alma)
    page = client.get(address, headers={"Referer": on}).content.decode()
    sent = Inputs(page.split('id="dialog"', 1)[1]).sent

    response = client.post(address, sent)

    own = reverse("admin:core_team_change", args=[acme.pk])
    assert response.headers["Location"] == (TOOLS if to_list else own)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_a_forged_page_to_return_to_is_not_used(alma, acme, signed_in, elsewhere):
    address = reverse("admin:core_team_do", args=[acme.pk, "archive"])

    response = signed_in(alma).post(address, {"next": elsewhere})

    assert response.headers["Location"] == reverse("admin:core_team_change", args=[acme.pk])


def test_an_error_and_the_help_have_the_ids_that_the_field_names(alma, ana, signed_in):
    page = signed_in(alma).post(do("edit", ana.pk), {"email": "not one"}).content.decode()

    named = re.search(r'name="email"[^>]*aria-describedby="([^"]*)"', page)
    assert named and "id_email_error" in named[1].split()
    assert all(f'id="{one}"' in page for one in named[1].split())
