"""The columns that each viewer chooses for the list of users, and the chips of a list's filters."""

import re

import pytest
from django.contrib import admin
from django.urls import reverse
from django.utils import timezone

from core.models import ShownColumns
from tests.factories import MembershipFactory, TagFactory, builtin_role

pytestmark = pytest.mark.django_db

LIST = reverse("admin:core_user_changelist")
COLUMNS = reverse("admin:core_user_columns")
ALL = ["team_names", "role_names", "active_last", "status"]


def headings(page) -> list[str]:
    found = dict.fromkeys(re.findall(r'data-label="([^"]+)"', page.content.decode()))
    return [heading for heading in found if heading != "Select record"]


def cells(page, name) -> list[str]:
    found = re.findall(rf'<td class="field-{name}[^>]*>(.*?)</td>', page.content.decode(), re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in found]


# --- columns ----------------------------------------------------------------------------------------------


def test_the_choice_is_each_persons_own_and_outlives_the_session(alma, root, ana, acme, signed_in):
    answer = signed_in(alma).post(COLUMNS, {"column": ["status", "team_names"], "next": f"{LIST}?q=ana"})

    assert answer.url == f"{LIST}?q=ana"
    shown = headings(signed_in(alma).get(LIST))  # signed in again
    assert shown == ["Name", "Email", "Thinkific ID", "Created At", "Teams", "Status", "Actions"]
    assert "Teams" not in headings(signed_in(root).get(LIST))
    signed_in(alma).post(COLUMNS, {})
    assert "Teams" not in headings(signed_in(alma).get(LIST))


def test_what_the_columns_say(alma, ana, acme, globex, signed_in):
    MembershipFactory(team=globex, user=ana, role=builtin_role("manager"))
    signed_in(alma).post(COLUMNS, {"column": ALL})

    page = signed_in(alma).get(LIST, {"q": "ames"})

    assert cells(page, "team_names") == ["Acme and Globex"]
    assert cells(page, "role_names") == ["Student, Manager"]
    assert cells(page, "active_last") == ["Never"]
    assert cells(page, "status") == ["Active"]


def test_a_managers_columns_name_no_other_team_and_no_guests_activity(mara, ana, acme, globex, signed_in):
    MembershipFactory(team=globex, user=ana, role=builtin_role("manager"))
    guest = MembershipFactory(team=acme, as_guest=True).user
    guest.last_activity_at = timezone.now()
    guest.save()
    signed_in(mara).post(COLUMNS, {"column": ALL})

    page = signed_in(mara).get(LIST, {"q": "ames"})
    of_the_guest = signed_in(mara).get(LIST, {"q": guest.email})

    assert (cells(page, "team_names"), cells(page, "role_names")) == (["Acme"], ["Student"])
    assert cells(of_the_guest, "active_last") == ["—"]


@pytest.mark.parametrize("who", ["alma", "mara"])
def test_all_columns_take_a_constant_number_of_queries(
    request, who, acme, signed_in, django_assert_max_num_queries
):
    client = signed_in(request.getfixturevalue(who))
    client.post(COLUMNS, {"column": ALL})
    MembershipFactory.create_batch(2, team=acme)
    client.get(LIST)
    with django_assert_max_num_queries(20) as few:
        client.get(LIST)
    MembershipFactory.create_batch(10, team=acme)
    with django_assert_max_num_queries(len(few)):
        client.get(LIST)


@pytest.mark.parametrize("next_", ["https://elsewhere.example/", "//elsewhere.example", "", "\x00"])
def test_the_choice_leads_nowhere_else_and_keeps_no_rubbish(alma, next_, signed_in):
    answer = signed_in(alma).post(COLUMNS, {"column": ["password", "status"], "next": next_})

    assert answer.url == LIST
    assert ShownColumns.objects.get().columns == ["status"]
    assert signed_in(alma).get(COLUMNS).status_code == 405


# --- chips ------------------------------------------------------------------------------------------------


def chips(page) -> list[tuple[str, str, str]]:
    return [tuple(chip) for chip in page.context["cl"].chips]


def test_each_filter_is_a_chip_that_takes_itself_away(alma, ana, acme, signed_in):
    page = signed_in(alma).get(LIST, {"q": "ana", "team": acme.pk, "active": "yes", "tag": "", "o": "1"})

    assert chips(page) == [
        ("Search", "ana", f"?active=yes&o=1&team={acme.pk}"),
        ("Team", "Acme", "?active=yes&o=1&q=ana"),
        ("Account", "Active", f"?o=1&q=ana&team={acme.pk}"),
    ]
    assert page.context["cl"].reset_url == "?o=1"
    assert "Clear all" in page.content.decode()


def test_a_filter_stays_whose_name_begins_like_the_one_taken_away(alma, accounting, signed_in):
    """Django's own way of leaving a parameter out takes `quiz` away together with `q`."""
    page = signed_in(alma).get(
        reverse("admin:core_quizresult_changelist"), {"q": "ana", "quiz": "1", "result": "passed"}
    )

    assert chips(page)[0][2] == "?quiz=1&result=passed"


def test_a_chip_names_nothing_that_the_viewer_may_not_see(mara, acme, globex, signed_in):
    for value in (globex.pk, 999_999, "x", "9" * 30):
        page = signed_in(mara).get(LIST, {"team": value})
        assert chips(page) == [("Team", "not found", "?")]
        assert "Globex" not in page.content.decode()
    tag = TagFactory(name="Secret")
    assert "Secret" not in signed_in(mara).get(LIST, {"tag": tag.pk}).content.decode()


def test_every_list_with_filters_shows_them(root, mara, signed_in):
    client, manager, looked_at = signed_in(root), signed_in(mara), 0
    for model, screen in admin.site._registry.items():
        if not screen.list_filter:
            continue
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for entry in screen.list_filter:
            viewer = manager if entry.parameter_name == "whose" else client  # for team managers only
            page = viewer.get(address, {entry.parameter_name: "1"})
            assert page.status_code == 200, address
            assert "Clear all</a>" in page.content.decode(), (address, entry)
        assert "Clear all</a>" not in client.get(address).content.decode(), address
        looked_at += 1
    assert looked_at >= 10
