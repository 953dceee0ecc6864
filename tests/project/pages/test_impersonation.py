"""Acting as another user: how it begins, what every page shows, how it ends."""

from datetime import timedelta

import pytest
from axes.models import AccessLog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import get_resolver, reverse
from django.utils import timezone
from django_q.models import OrmQ
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from core.models import (
    EmailChange,
    ImpersonationSession,
    OutboxEntry,
    ShownColumns,
    SiteSettings,
    StoredSecret,
    User,
)
from core.services.accounts import impersonation
from core.services.teams import sign_up_links
from project.middleware.secret_addresses import carries_secret
from tests.factories import (
    ApiTokenFactory,
    InvitationFactory,
    NoticeFactory,
    RoleFactory,
    SignUpLinkFactory,
    UserFactory,
    builtin_role,
)
from tests.tables import deletable

Ended = ImpersonationSession.Ended


def dialog_of(person: User) -> str:
    return reverse("admin:core_user_do", args=[person.pk, "impersonate"])


def begin(browser, person: User, **fields):
    """Impersonate a person as a browser does: read the dialog, send it."""
    address = dialog_of(person)
    page = browser.get(address)
    asked = dict(page.context["asked"])
    response = browser.post(address, {**asked, "reason": "", **fields})
    assert response.status_code == 302, response.context["form"].errors
    return response


@pytest.fixture
def acting(alma, mara, signed_in):
    """Alma's browser, in which she acts as Mara."""
    browser = signed_in(alma)
    assert begin(browser, mara, reason="Cannot find her seats").status_code == 302
    return browser


def session() -> ImpersonationSession:
    return ImpersonationSession.objects.latest("pk")


def leave(browser):
    return browser.post(reverse("admin:leave_impersonation"))


def signed_in_as(browser) -> str:
    return browser.session["_auth_user_id"]


def test_it_begins_on_the_persons_first_page_and_is_recorded(acting, alma, mara):
    page = acting.get("/admin/")

    assert page.wsgi_request.user == mara
    record = session()
    assert (record.impersonator, record.impersonated, record.reason) == (alma, mara, "Cannot find her seats")
    assert record.ip_address == "127.0.0.1"
    assert record.ended_at is None


def test_every_page_has_the_banner(acting):
    for address in ("/admin/", reverse("admin:core_user_changelist"), "/admin/nothing-here/", "/nothing/"):
        page = acting.get(address).content.decode()
        assert page.count("Leave Impersonation") == 1, address
        assert "You act as" in page


def test_leaving_returns_to_the_persons_page(acting, alma, mara):
    response = leave(acting)

    assert response.url == reverse("admin:core_user_change", args=[mara.pk])
    page = acting.get(response.url)
    assert page.wsgi_request.user == alma
    assert "You act as" not in page.content.decode()
    assert "You have left the impersonation of Mara Marsh." in page.content.decode()
    assert session().ended_by == Ended.LEFT


# --- how it ends -------------------------------------------------------------------------------------------


def test_signing_out_ends_it_and_signs_out(acting):
    acting.post(reverse("admin:logout"))

    assert session().ended_by == Ended.SIGNED_OUT
    assert "_auth_user_id" not in acting.session


def began_ago(record: ImpersonationSession, **ago) -> None:
    with deletable():
        ImpersonationSession.objects.filter(pk=record.pk).update(started_at=timezone.now() - timedelta(**ago))


def test_it_ends_after_an_hour(acting, alma, mara):
    began_ago(session(), minutes=61)

    response = acting.get("/admin/")

    assert response.url == reverse("admin:core_user_change", args=[mara.pk])
    page = acting.get(response.url)
    assert page.wsgi_request.user == alma
    assert "has ended after an hour" in page.content.decode()
    record = session()
    assert record.ended_by == Ended.TIMED_OUT
    assert record.ended_at == record.ends_at_the_latest


def test_a_post_after_the_end_does_nothing(acting, acme, alma, mara, ana):
    began_ago(session(), minutes=61)
    count = acme.memberships.count()

    page = acting.post(reverse("admin:core_user_do", args=[ana.pk, "leave-team"]), follow=True)

    assert "What you sent at that moment was not done." in page.content.decode()
    assert page.wsgi_request.user == alma
    assert acme.memberships.count() == count


def lose_the_right(alma, mara):
    User.objects.filter(pk=alma.pk).update(
        global_role=RoleFactory(is_global=True, permissions=["users.view", "users.impersonate"])
    )


def get_more_rights(alma, mara):
    User.objects.filter(pk=mara.pk).update(is_superuser=True)


def switch_off_the_person(alma, mara):
    mara.is_active = False
    mara.save()


def change_the_persons_password(alma, mara):
    mara.set_password("another one")
    mara.save()


@pytest.mark.parametrize(
    ("happens", "how", "says"),
    [
        (lose_the_right, Ended.REVOKED, "you may no longer act as this person"),
        (get_more_rights, Ended.REVOKED, "you may no longer act as this person"),
        (switch_off_the_person, Ended.PERSON, "this account was changed"),
        (change_the_persons_password, Ended.PERSON, "this account was changed"),
    ],
)
def test_the_next_request_brings_the_administrator_back(acting, alma, mara, happens, how, says):
    happens(alma, mara)

    page = acting.get(reverse("admin:core_user_changelist"), follow=True)

    assert page.wsgi_request.user == alma
    assert says in page.content.decode()
    assert session().ended_by == how
    assert session().ended_at is not None


def switch_off(user):
    user.is_active = False
    user.save()


def change_password(user):
    user.set_password("another one")
    user.save()


def change_address(user):
    User.objects.filter(pk=user.pk).update(email="other@academy.example")


@pytest.mark.parametrize("happens", [switch_off, change_password, change_address])
def test_whose_own_account_changes_is_signed_out(acting, alma, happens):
    happens(alma)

    page = acting.get(reverse("admin:core_user_changelist"), follow=True)

    assert not page.wsgi_request.user.is_authenticated
    assert "your own account was changed" in page.content.decode()
    assert session().ended_by == Ended.ACCOUNT
    assert acting.get("/admin/").status_code == 302


def test_a_script_gets_no_page_and_keeps_the_message_for_the_next_one(acting, alma):
    began_ago(session(), minutes=61)

    poll = acting.get(reverse("admin:live"), headers={"Accept": "application/json"})

    assert (poll.status_code, poll.headers["X-Ended"]) == (403, "1")
    assert "has ended after an hour" in acting.get("/admin/", follow=True).content.decode()


def test_what_just_stops_is_closed_with_the_time_when_it_was_over(alma, mara):
    record = ImpersonationSession.objects.create(
        impersonator=alma, impersonated=mara, started_at=timezone.now() - timedelta(days=2)
    )
    assert (record.ending, record.over_since) == (Ended.TIMED_OUT, record.ends_at_the_latest)
    young = ImpersonationSession.objects.create(
        impersonator=UserFactory(administrator=True), impersonated=mara
    )

    assert impersonation.close_timed_out() == 1

    record.refresh_from_db()
    young.refresh_from_db()
    assert (record.ended_by, record.ended_at) == (Ended.TIMED_OUT, record.ends_at_the_latest)
    assert young.ended_at is None


# --- two tabs, two browsers -----------------------------------------------------------------------------


def test_leaving_in_a_second_tab_says_that_it_is_over(acting, alma):
    leave(acting)

    page = acting.post(reverse("admin:leave_impersonation"), follow=True)

    assert page.wsgi_request.user == alma
    assert "You act in your own name already" in page.content.decode()


def test_each_switch_gives_the_session_another_key(alma, mara, signed_in):
    browser = signed_in(alma)
    before = browser.session.session_key
    begin(browser, mara)
    meanwhile = browser.session.session_key
    leave(browser)

    assert len({before, meanwhile, browser.session.session_key}) == 3
    assert set(Session.objects.values_list("pk", flat=True)) == {browser.session.session_key}


def test_the_browser_of_the_administrator_elsewhere_is_left_alone(acting, alma, signed_in):
    elsewhere = signed_in(alma)

    assert elsewhere.get("/admin/").wsgi_request.user == alma
    acting.post(reverse("admin:logout"))
    assert elsewhere.get("/admin/").wsgi_request.user == alma


def test_beginning_elsewhere_ends_the_one_that_goes_on(acting, alma, mara, owen, signed_in):
    elsewhere = signed_in(alma)
    begin(elsewhere, owen)

    page = acting.get("/admin/", follow=True)

    assert page.wsgi_request.user == alma
    assert "because you began another one elsewhere" in page.content.decode()
    assert ImpersonationSession.objects.get(impersonated=mara).ended_by == Ended.REPLACED
    assert ImpersonationSession.objects.get(impersonated=owen).ended_at is None


# --- who may not ----------------------------------------------------------------------------------------


def test_an_impersonator_begins_no_other(acting, alma, mara, ana):
    alma.global_role.save()
    colleague = UserFactory(administrator=True)
    leave(acting)
    begin(acting, colleague)
    assert acting.get("/admin/").wsgi_request.user == colleague

    assert "Impersonate</a>" not in acting.get(reverse("admin:core_user_changelist")).content.decode()
    assert acting.get(dialog_of(ana)).status_code == 403
    assert acting.post(dialog_of(ana), {"reason": ""}).status_code == 403
    assert signed_in_as(acting) == str(colleague.pk)


def test_the_button_is_offered_where_it_works(alma, root, mara, signed_in):
    off = UserFactory(is_active=False)
    page = signed_in(alma).get(reverse("admin:core_user_changelist")).content.decode()

    offered = {user.pk for user in User.objects.all() if f'{dialog_of(user)}"' in page}
    assert mara.pk in offered
    assert not offered & {alma.pk, root.pk, off.pk}
    for person in (alma, root, off):
        detail = signed_in(alma).get(reverse("admin:core_user_change", args=[person.pk])).content.decode()
        assert dialog_of(person) not in detail
        assert signed_in(alma).get(dialog_of(person)).status_code == 403
        assert signed_in(alma).post(dialog_of(person), {"reason": ""}).status_code == 403
    assert not ImpersonationSession.objects.exists()


def test_a_manager_is_offered_nothing(mara, ana, signed_in):
    page = signed_in(mara).get(reverse("admin:core_user_changelist")).content.decode()

    assert "Impersonate" not in page
    assert signed_in(mara).post(dialog_of(ana), {"reason": ""}).status_code == 403


def test_only_a_sent_form_with_its_token_begins_one(alma, mara):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alma)

    assert browser.get(dialog_of(mara)).status_code == 200
    assert signed_in_as(browser) == str(alma.pk)
    assert browser.post(dialog_of(mara), {"reason": ""}).status_code == 403
    assert not ImpersonationSession.objects.exists()


# --- what it costs --------------------------------------------------------------------------------------


def queries_of(browser, address: str) -> int:
    browser.get(address)
    with CaptureQueriesContext(connection) as found:
        assert browser.get(address).status_code == 200
    return len(found)


@pytest.mark.parametrize(
    "address", ["/admin/", "/admin/live/", "/admin/core/user/", "/admin/password/forgotten/sent/"]
)
def test_the_check_costs_one_query(acting, mara, signed_in, address):
    assert queries_of(acting, address) <= queries_of(signed_in(mara), address) + 1


def test_no_other_request_reads_impersonations(mara, signed_in, client):
    for browser, address in [(signed_in(mara), "/admin/"), (client, "/admin/login/")]:
        with CaptureQueriesContext(connection) as found:
            browser.get(address)
        assert not [q["sql"] for q in found if "impersonation" in q["sql"]]
    with CaptureQueriesContext(connection) as found:
        Client().get("/admin/login/")  # without a session
    assert not [q["sql"] for q in found if "django_session" in q["sql"]]


# --- what is written meanwhile --------------------------------------------------------------------------


def test_history_and_outbox_name_both(acting, alma, mara, ana):
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711)
    address = reverse("admin:core_user_do", args=[ana.pk, "edit"])
    fields = {"first_name": "Anna", "last_name": ana.last_name, "email": ana.email, "is_active": "on"}
    saved = acting.post(address, fields)
    assert saved.status_code == 302, saved.context["form"].errors

    row = User.history.filter(id=ana.pk).latest("history_id")
    assert (row.first_name, row.history_user, row.impersonator) == ("Anna", mara, alma)
    assert row.impersonation == session()
    entry = OutboxEntry.objects.get(entity="user", object_id=ana.pk)
    assert (entry.requested_by, entry.impersonation) == (mara, session())


def test_after_leaving_nothing_names_it(acting, alma, ana):
    leave(acting)
    ana.first_name = "Anna"
    ana.save()

    row = User.history.filter(id=ana.pk).latest("history_id")
    assert (row.impersonator, row.impersonation) == (None, None)


def test_log_lines_of_its_requests_name_the_administrator(acting, alma):
    with capture_logs(processors=[merge_contextvars]) as lines:
        acting.get("/admin/nothing-here/")

    named = [line for line in lines if line.get("impersonator_id") == alma.pk]
    assert named
    assert {line["impersonation"] for line in named} == {session().pk}


# --- what is out of reach meanwhile -------------------------------------------------------------------------


def words(response) -> str:
    return response.content.decode()


@pytest.mark.parametrize("slug", ["reset-password", "send-sign-in-link"])
def test_links_to_an_account_are_not_sent_in_its_name(acting, signed_in, mara, ana, slug):
    SiteSettings.objects.update(sign_in_by_link=True)
    address = reverse("admin:core_user_do", args=[ana.pk, slug])
    page = reverse("admin:core_user_change", args=[ana.pk])
    assert f'{address}"' in words(signed_in(mara).get(page))
    assert f'{address}"' not in words(acting.get(page))

    for response in (acting.get(address), acting.post(address)):
        assert "You act as Mara Marsh." in words(response)
        assert "Leave the impersonation first" in words(response)
    assert not OrmQ.objects.exists()


@pytest.mark.parametrize("whose", ["ana", "mara"])
def test_no_address_is_changed_in_their_name(acting, ana, mara, whose):
    person = {"ana": ana, "mara": mara}[whose]
    address = reverse("admin:core_user_do", args=[person.pk, "edit"])
    names = {"first_name": "Other", "last_name": person.last_name, "is_active": "on"}

    response = acting.post(address, {**names, "email": "evil@mallory.example"})

    assert "You act as Mara Marsh." in words(response)
    person.refresh_from_db()
    assert person.first_name != "Other"
    assert not EmailChange.objects.exists()


def test_no_key_for_thinkific_is_stored_in_their_name(alma, signed_in):
    other = UserFactory(global_role=builtin_role("administrator"), is_staff=True, first_name="Otis")
    browser = signed_in(alma)
    begin(browser, other)

    for slug in ("change-api-key", "change-api-access-token", "change-webhook-secrets"):
        address = reverse("admin:core_sitesettings_do", args=[1, slug])
        assert "Leave the impersonation first" in words(browser.post(address, {"secret": "evil-" * 8}))
    assert not StoredSecret.objects.exists()


SECRET_PAGES = [
    ("admin:password_change", ()),
    ("admin:forgotten_password", ()),
    ("admin:login", ()),
    ("admin:password_reset_confirm", ("MQ", "set-password")),
    ("admin:invitation", ("MQ", "some-token")),
    ("admin:email_change", ("MQ", "some-token")),
    ("admin:sign_in_link", ("MQ", "some-token")),
    ("admin:sign_up", ("MQ", "some-token")),
    ("admin:confirm_sign_up", ("MQ", "some-token")),
]


@pytest.mark.parametrize(("name", "keys"), SECRET_PAGES, ids=[name for name, _ in SECRET_PAGES])
def test_pages_with_secrets_are_refused_in_a_sentence(acting, name, keys):
    before = signed_in_as(acting)
    for method in (acting.get, acting.post):
        response = method(reverse(name, args=keys), {"username": "root@academy.example", "password": "x"})

        assert response.status_code == 403
        assert "You act as Mara Marsh." in words(response)
        assert words(response).count("Leave Impersonation") == 1
    assert signed_in_as(acting) == before


def test_every_address_with_a_secret_is_refused():
    """From the registry of addresses: a new page for a link from a mail has to be named above."""
    named, routes, unnamed = set(), set(), set()
    for pattern in get_resolver("project.admin_urls").url_patterns:
        if any(carries_secret(name) for name in pattern.pattern.converters):
            if pattern.name is None:
                unnamed.add(f"{pattern.pattern}/")
            else:
                routes.add(str(pattern.pattern))
                named.add(f"admin:{pattern.name}")
    assert unnamed <= routes  # the same pages without their last slash
    assert {"admin:invitation", "admin:email_change", "admin:password_reset_confirm"} <= named
    assert named <= {name for name, _ in SECRET_PAGES}


def test_an_administrators_agreement_is_not_given_in_their_name(alma, acme, ana, otto, mara, signed_in):
    colleague = UserFactory(administrator=True)
    invitation = InvitationFactory(team=acme, user=otto, invited_by=mara)
    browser = signed_in(alma)
    begin(browser, colleague)
    address = reverse("admin:core_team_do_row", args=[acme.pk, "add-invited", invitation.pk])

    for response in (browser.get(address), browser.post(address)):
        assert "does so in their own name" in words(response)
    assert not acme.memberships.filter(user=otto).exists()
    tab = reverse("admin:core_team_change", args=[acme.pk]) + "?tab=invitations"
    assert address not in browser.get(tab).content.decode()
    assert address in signed_in(colleague).get(tab).content.decode()


def test_api_tokens_of_an_administrator_stay_out_of_reach(alma, signed_in):
    colleague = UserFactory(administrator=True)
    token = ApiTokenFactory(user=colleague)
    assert signed_in(colleague).get(reverse("admin:core_apitoken_changelist")).status_code == 200
    browser = signed_in(alma)
    begin(browser, colleague)

    for address in ("changelist", "change"):
        keys = [token.pk] if address == "change" else []
        response = browser.get(reverse(f"admin:core_apitoken_{address}", args=keys))
        assert (response.status_code, token.prefix in words(response)) == (403, False)


# --- what is theirs stays as it was ---------------------------------------------------------------------


def test_notices_columns_and_times_stay_as_they_were(acting, mara):
    notice = NoticeFactory(user=mara)

    polled = acting.get(reverse("admin:live")).json()
    assert [one["id"] for one in polled["notices"]] == [notice.pk]
    acting.get(reverse("admin:notices"))
    assert acting.post(reverse("admin:live_seen"), {"id": notice.pk}).status_code == 204
    page = acting.post(reverse("admin:core_user_columns"), {"column": "status"}, follow=True)
    assert "their own choice" in words(page)
    leave(acting)

    notice.refresh_from_db()
    mara.refresh_from_db()
    assert notice.seen_at is None
    assert not ShownColumns.objects.exists()
    assert (mara.last_login, mara.last_activity_at) == (None, None)
    assert not AccessLog.objects.exists()


def test_the_address_of_a_sign_up_link_is_shown_in_ones_own_name_only(
    acting, mara, acme, signed_in, sign_up_is_on
):
    link = SignUpLinkFactory(team=acme, made_by=mara)
    tab = f"{reverse('admin:core_team_change', args=[acme.pk])}?tab=links"
    address = sign_up_links.address_of(link)

    assert address not in (page := acting.get(tab).content.decode())
    assert "The address is hidden while you act as somebody else." in page
    assert f'value="{settings.SITE_URL}{address}"' in signed_in(mara).get(tab).content.decode()


@pytest.mark.parametrize("address", ["/admin/password_change/", "/admin/password/forgotten/"])
def test_the_log_line_of_a_refusal_names_both(acting, alma, mara, address):
    with capture_logs(processors=[merge_contextvars]) as lines:
        assert acting.get(address).status_code == 403

    assert lines
    for line in lines:
        assert (line["impersonator_id"], line["impersonation"]) == (alma.pk, session().pk), line
        assert line["user_id"] == mara.pk and line["request_id"] and line["ip"], line


def test_a_sign_in_link_by_mail_is_not_asked_for_meanwhile(acting, mara):
    SiteSettings.objects.update(sign_in_by_link=True)
    address = reverse("admin:ask_for_sign_in_link")

    for response in (acting.get(address), acting.post(address, {"email": mara.email})):
        assert response.status_code == 403
        assert "Links to sign in are out of reach meanwhile." in words(response)
    assert not OrmQ.objects.exists()


def test_edit_profile_offers_no_address_meanwhile(acting, ana):
    address = reverse("admin:core_user_do", args=[ana.pk, "edit"])
    page = words(acting.get(address))

    assert 'name="email"' not in page and "Change the e-mail at once" not in page
    assert "Their e-mail address is out of reach meanwhile" in page
    saved = acting.post(address, {"first_name": "Anna", "last_name": ana.last_name, "is_active": "on"})
    assert saved.status_code == 302
    assert User.objects.get(pk=ana.pk).first_name == "Anna"
