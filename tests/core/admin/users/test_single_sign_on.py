"""Switching single sign-on: on a person's page and in the list; who may; what the page and the record say."""

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.models import SiteSettings, ThinkificOpening, User
from tests.dialogs import asked_about_selected, shown_by
from tests.factories import RoleFactory, ShortLinkFactory, ThinkificOpeningFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db
LIST = reverse("admin:core_user_changelist")


def page_of(user, tab="") -> str:
    return reverse("admin:core_user_change", args=[user.pk]) + (f"?tab={tab}" if tab else "")


def dialog(user, slug) -> str:
    return reverse("admin:core_user_do", args=[user.pk, slug])


def send(client, url):
    return client.post(url, shown_by(client, url), follow=True)


def said(response) -> str:
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


@pytest.fixture
def helper(db) -> User:
    """An administrator with few rights."""
    role = RoleFactory(name="Helper", is_global=True, permissions=["users.view", "users.edit"])
    return UserFactory(first_name="Hal", global_role=role, is_staff=True)


def test_an_administrator_switches_it_on_and_off(signed_in, alma, ana):
    client = signed_in(alma)
    assert "Switch SSO On" in client.get(page_of(ana)).content.decode()

    page = send(client, dialog(ana, "sso-on")).content.decode()
    ana.refresh_from_db()
    assert ana.sso_enabled and "Switch SSO Off" in page
    row = ana.history.order_by("-history_id").first()
    assert (row.history_change_reason, row.history_user) == ("single sign-on switched on", alma)

    send(client, dialog(ana, "sso-off"))
    ana.refresh_from_db()
    assert not ana.sso_enabled


@pytest.mark.parametrize("who", ["mara", "owen", "ana"])
def test_nobody_in_a_team_switches_it(request, signed_in, ana, who):
    client = signed_in(request.getfixturevalue(who))

    client.post(dialog(ana, "sso-on"), {"asked": "", "asked_of": ""})
    client.post(LIST, {"action": "sso_on", "index": "0", "_selected_action": [ana.pk], "started": "1"})

    assert not User.objects.get(pk=ana.pk).sso_enabled
    assert "Switch SSO" not in client.get(page_of(ana)).content.decode()


def test_nobody_switches_it_for_people_with_more_rights(signed_in, helper, alma, root, ana):
    client = signed_in(helper)
    form = {"action": "sso_on", "index": "0", "_selected_action": [alma.pk, root.pk, ana.pk]}
    for person in (alma, root):
        client.post(dialog(person, "sso-on"), {"asked": "", "asked_of": ""})

    asked = client.post(LIST, form).content.decode()
    for person in (alma, root):
        assert f"{person}, {person.email}: left out, as this person has rights" in asked
    client.post(LIST, asked_about_selected(client, LIST, form))

    assert set(User.objects.filter(sso_enabled=True)) == {ana}


def test_chosen_people_are_switched_together(signed_in, alma, ana, bo):
    User.objects.filter(pk=bo.pk).update(thinkific_roles=["site_admin"])
    client = signed_in(alma)
    form = {"action": "sso_on", "index": "0", "_selected_action": [ana.pk, bo.pk]}

    asked = client.post(LIST, form).content.decode()
    assert "has rights in Thinkific" in asked and "switched off in the settings" in asked
    done = client.post(LIST, asked_about_selected(client, LIST, form))

    assert "Single sign-on is switched on for 2 people" in said(done)
    assert User.objects.filter(sso_enabled=True).count() == 2
    assert {row.history_user for row in User.history.filter(history_type="~")} == {alma}


@pytest.mark.parametrize("who", ["alma", "helper"])
def test_the_number_of_people_makes_no_more_queries(request, signed_in, who):
    client = signed_in(request.getfixturevalue(who))

    def queries(count):
        people = UserFactory.create_batch(count)
        form = {"action": "sso_on", "index": "0", "_selected_action": [user.pk for user in people]}
        client.post(LIST, form)
        with CaptureQueriesContext(connection) as asked:
            client.post(LIST, form)
        return len(asked)

    assert queries(12) == queries(3)


def test_the_page_says_whether_it_works_and_why_not(signed_in, alma, ana, credentials):
    client = signed_in(alma)
    SiteSettings.load()

    def shown():
        return client.get(page_of(ana)).content.decode()

    User.objects.filter(pk=ana.pk).update(sso_enabled=True, thinkific_id=7)
    assert "switched off in the settings" in shown()
    SiteSettings.objects.update(open_in_thinkific=True)
    assert "On, but" not in shown()
    User.objects.filter(pk=ana.pk).update(thinkific_roles=["site_admin"])
    assert "On, but this person has rights in Thinkific" in shown()


def test_openings_are_shown_to_those_with_audit_rights_only(signed_in, alma, helper, mara, ana):
    link = ShortLinkFactory(label="Poster")
    ThinkificOpeningFactory(user=ana, ip_address="192.0.2.44", short_link=link)
    audit = reverse("admin:core_thinkificopening_changelist")

    tab, listed = signed_in(alma).get(page_of(ana, "openings")), signed_in(alma).get(audit)
    for page in (tab, listed):
        assert "192.0.2.44" in page.content.decode() and "Poster" in page.content.decode()
    for viewer in (helper, mara, ana):
        assert "192.0.2.44" not in signed_in(viewer).get(page_of(ana, "openings")).content.decode()
        assert signed_in(viewer).get(audit).status_code == 403


def test_a_manager_with_audit_codes_in_a_team_sees_no_openings(signed_in, mara, ana):
    role = builtin_role("manager")
    role.permissions = [*role.permissions, "audit.view"]
    role.save()
    ThinkificOpeningFactory(user=ana, ip_address="192.0.2.44")

    assert "192.0.2.44" not in signed_in(mara).get(page_of(ana, "openings")).content.decode()
    assert signed_in(mara).get(reverse("admin:core_thinkificopening_changelist")).status_code == 403


def test_the_list_keeps_openings_of_deleted_accounts(signed_in, alma, ana):
    ThinkificOpeningFactory(user=ana)
    User.objects.get(pk=ana.pk).delete()

    page = signed_in(alma).get(reverse("admin:core_thinkificopening_changelist")).content.decode()
    assert "Ana Ames" in page and ThinkificOpening.objects.count() == 1
