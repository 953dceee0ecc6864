"""Wrong passwords: who has to wait, who does not, and what is stored about them."""

import re
from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.apps import apps
from django.contrib import admin
from django.contrib.auth import login
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.http import HttpRequest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.services.accounts import sign_in
from integrations.queue.tasks import prune
from tests.factories import UserFactory
from tests.project.pages.test_passwords import ask_for_mail, choose, link_in

RIGHT = "quiet-harbour-lights-7"
WRONG = "not-her-password-at-all"
HOME, OFFICE, STRANGER = "192.0.2.1", "192.0.2.2", "198.51.100.9"


@pytest.fixture
def ana(ana):
    ana.set_password(RIGHT)
    ana.save(update_fields=["password"])
    return ana


def enter(email, password, *, at=HOME, client=None, **more):
    """Sign in, in a browser of its own unless one is given."""
    data = {"username": email, "password": password, **more}
    return (client or Client()).post("/admin/login/", data, REMOTE_ADDR=at)


def fail(email, times, *, at=STRANGER):
    for _ in range(times):
        answer = enter(email, WRONG, at=at)
    return answer


def let_in(answer):
    return answer.status_code == 302


def age(**ago):
    """As if what was tried had been tried so long ago."""
    AccessAttempt.objects.update(attempt_time=timezone.now() - timedelta(**ago))


def test_after_ten_wrong_passwords_the_right_one_has_to_wait(ana):
    assert fail(ana.email, 9).status_code == 200
    assert fail(ana.email, 1).status_code == 429

    assert enter(ana.email, RIGHT, at=STRANGER).status_code == 429
    assert enter(ana.email, RIGHT, at=OFFICE).status_code == 429  # from elsewhere too


def test_the_page_says_how_long_and_what_helps(ana):
    answer = fail(ana.email.upper(), 10)

    page = answer.content.decode()
    assert "Try again in" in page and "30 minutes" in page
    assert "/admin/password/forgotten/" in page and "Ask an administrator" in page
    assert 29 * 60 < int(answer["Retry-After"]) <= 30 * 60
    assert answer["Cache-Control"] == "no-store"


def test_an_account_that_does_not_exist_is_answered_alike(ana):
    known = [enter(ana.email, WRONG) for _ in range(11)]
    AccessAttempt.objects.all().delete()
    unknown = [enter("nobody@acme.example", WRONG) for _ in range(11)]

    for one, other in zip(known, unknown, strict=True):
        assert one.status_code == other.status_code
        assert without_tokens(one, ana.email) == without_tokens(other, "nobody@acme.example")


def without_tokens(response, email):
    return re.sub(r'value="\w{64}"', "", response.content.decode()).replace(email, "")


def test_capital_letters_and_blanks_make_no_other_account(ana):
    for email in ("Ana@Acme.example", "ana@ACME.example", " ana@acme.example", "ANA@ACME.EXAMPLE "):
        fail(email, 3)

    assert enter(ana.email, RIGHT, at=OFFICE).status_code == 429


def test_the_two_forms_of_a_foreign_domain_are_one_account(db):
    user = UserFactory(email="ozlem@xn--bcher-kva.example")
    user.set_password(RIGHT)
    user.save(update_fields=["password"])
    for email in ("ozlem@bücher.example", "Ozlem@BÜCHER.example", "ozlem@xn--bcher-kva.example"):
        fail(email, 4)

    assert enter(user.email, RIGHT, at=OFFICE).status_code == 429
    assert enter("ozlem@bücher.example", RIGHT, at=OFFICE).status_code == 429


def test_behind_a_proxy_the_clients_address_counts_and_a_forged_one_does_not(ana, settings):
    settings.PROXY_COUNT = 1
    for number in range(30):
        answer = Client().post(
            "/admin/login/",
            {"username": f"person{number}@acme.example", "password": WRONG},
            REMOTE_ADDR="10.0.0.1",
            HTTP_X_FORWARDED_FOR=f"203.0.113.{number}, {STRANGER}",
        )
    assert answer.status_code == 429

    sent = {"username": ana.email, "password": RIGHT}
    others = Client().post(
        "/admin/login/", sent, REMOTE_ADDR="10.0.0.1", HTTP_X_FORWARDED_FOR=f"{STRANGER}, {HOME}"
    )
    assert let_in(others)  # the proxy itself is not locked


def test_one_network_cannot_try_many_accounts(ana):
    for number in range(30):
        answer = enter(f"person{number}@acme.example", WRONG, at=STRANGER)
    assert answer.status_code == 429
    assert b"administrator" not in answer.content  # who can unlock an account, but not a network

    assert enter(ana.email, RIGHT, at=STRANGER).status_code == 429
    assert let_in(enter(ana.email, RIGHT, at=HOME))


def test_many_addresses_of_one_ipv6_subscriber_count_as_one(ana):
    for number in range(10):
        answer = enter(ana.email, WRONG, at=f"2001:db8:1:2::{number:x}")
    assert answer.status_code == 429
    assert AccessAttempt.objects.count() == 1


def test_signing_in_to_an_own_account_does_not_buy_tries_at_others(ana, bo):
    bo.set_password(RIGHT)
    bo.save(update_fields=["password"])
    for number in range(40):
        enter(f"person{number}@acme.example", WRONG, at=STRANGER)
        let_in(enter(bo.email, RIGHT, at=STRANGER))

    assert enter(ana.email, RIGHT, at=STRANGER).status_code == 429


def test_who_is_signed_in_gets_no_more_tries_at_their_own_password(ana):
    browser = Client()
    assert let_in(enter(ana.email, RIGHT, client=browser))

    answers = [enter(ana.email, WRONG, client=browser).status_code for _ in range(11)]

    assert answers[-2:] == [429, 429]


def test_strangers_do_not_lock_a_person_out_of_their_own_desk(ana):
    assert let_in(enter(ana.email, RIGHT, at=HOME))

    fail(ana.email, 25)

    assert let_in(enter(ana.email, RIGHT, at=HOME))
    assert enter(ana.email, RIGHT, at=OFFICE).status_code == 429


def test_a_known_desk_has_no_more_tries_than_others(ana):
    assert let_in(enter(ana.email, RIGHT, at=HOME))

    assert fail(ana.email, 10, at=HOME).status_code == 429
    assert enter(ana.email, RIGHT, at=HOME).status_code == 429


@pytest.mark.parametrize(("days", "known"), [(89, True), (91, False)])
def test_a_desk_is_known_for_ninety_days(ana, days, known):
    assert let_in(enter(ana.email, RIGHT, at=HOME))
    AccessLog.objects.update(attempt_time=timezone.now() - timedelta(days=days))

    fail(ana.email, 10)

    assert let_in(enter(ana.email, RIGHT, at=HOME)) is known


def test_a_right_password_forgets_the_wrong_ones_before_it(ana):
    for _ in range(3):
        fail(ana.email, 9, at=HOME)
        assert let_in(enter(ana.email, RIGHT, at=HOME))


def test_the_wait_ends_and_trying_meanwhile_does_not_make_it_longer(ana):
    fail(ana.email, 10)
    age(minutes=29)
    fail(ana.email, 5)
    assert int(enter(ana.email, RIGHT)["Retry-After"]) <= 60
    age(minutes=31)

    assert let_in(enter(ana.email, RIGHT))


def test_a_new_password_by_mail_lets_in_at_once_and_knows_the_desk(ana):
    fail(ana.email, 10)
    for number in range(30):
        enter(f"person{number}@acme.example", WRONG, at=HOME)
    browser = Client(REMOTE_ADDR=OFFICE)
    ask_for_mail(browser, ana.email)

    choose(Client(REMOTE_ADDR=HOME), link_in(mail.outbox[0]), "another-harbour-8")
    fail(ana.email, 10)  # they go on

    assert let_in(enter(ana.email, "another-harbour-8", at=HOME))


def test_an_administrator_unlocks_from_the_page_and_only_when_there_is_something_to_unlock(
    ana, root, signed_in
):
    browser, page = signed_in(root), f"/admin/core/user/{ana.pk}/"
    assert b"Unlock Sign-in" not in browser.get(page, follow=True).content
    fail(ana.email, 10)
    assert b"Unlock Sign-in" in browser.get(page, follow=True).content

    browser.post(f"{page}do/unlock-sign-in/")

    assert let_in(enter(ana.email, RIGHT))
    assert b"Unlock Sign-in" not in browser.get(page, follow=True).content


def test_only_who_may_change_the_account_unlocks_it(ana, bo, otto, gwen, signed_in):
    fail(ana.email, 10)
    for person in (bo, otto, gwen, ana):
        signed_in(person).post(f"/admin/core/user/{ana.pk}/do/unlock-sign-in/")

    assert enter(ana.email, RIGHT).status_code == 429


def test_a_command_unlocks(ana):
    fail(ana.email, 10)

    call_command("axes_reset_username", ana.email)

    assert let_in(enter(ana.email, RIGHT))


def test_no_password_is_kept_anywhere(ana, caplog):
    caplog.set_level("DEBUG")
    enter(ana.email, WRONG)
    enter(WRONG, "x", at=OFFICE)  # in the wrong field
    enter(ana.email, "x", more=WRONG, new_password1=WRONG, csrfmiddlewaretoken=WRONG)
    Client(headers={"user-agent": WRONG}).post(
        f"/admin/login/?p={WRONG}", {"username": ana.email, "password": WRONG}
    )
    enter(ana.email, RIGHT)

    kept = [str(list(model.objects.values())) for model in apps.get_app_config("axes").get_models()]
    assert len(kept) == 4
    for text in (*kept, caplog.text):
        assert WRONG not in text and RIGHT not in text


@pytest.mark.parametrize(
    "email",
    ["", "x", "İ" * 254, "a" * 300, "ana@acme.example\x00", "' OR 1=1 --", "é@ü.example"],
)
def test_rubbish_is_answered(db, email):
    for _ in range(11):
        answer = enter(email, WRONG)
    assert answer.status_code in {200, 429}
    assert AccessAttempt.objects.count() <= 1


class Counting(MD5PasswordHasher):
    hashed = 0

    def encode(self, password, salt):
        Counting.hashed += 1
        return super().encode(password, salt)


def test_every_try_costs_the_same(settings, ana):
    """Whether or not somebody has the address, a password, an active account."""
    settings.PASSWORD_HASHERS = ["tests.project.pages.test_sign_in.Counting"]
    ana.set_password(RIGHT)
    ana.save(update_fields=["password"])
    off = UserFactory(is_active=False, email="off@acme.example")
    off.set_password(RIGHT)
    off.save(update_fields=["password"])
    UserFactory(email="never@acme.example")  # no password yet

    work = {}
    for name in ("ana", "off", "never", "nobody"):
        Counting.hashed = 0
        with CaptureQueriesContext(
            connection,
        ) as queries:
            enter(f"{name}@acme.example", WRONG, at=f"192.0.2.{len(work)}")
        work[name] = (Counting.hashed, [re.sub(r"'.*?'|\d+", "", q["sql"]) for q in queries])

    assert work["ana"][0] == 1
    assert work["ana"] == work["off"] == work["never"] == work["nobody"]


def test_other_pages_ask_nothing_of_it(ana, root, signed_in):
    fail(ana.email, 10)
    browser = signed_in(root)
    for page in (
        "/admin/",
        "/admin/core/user/",
        "/admin/login/",
        "/admin/password/forgotten/",
        "/admin/live/",
    ):
        with CaptureQueriesContext(connection) as queries:
            browser.get(page)
        assert not [q for q in queries if "axes" in q["sql"]], page


def test_what_is_over_is_pruned(ana):
    enter(ana.email, RIGHT, at=HOME)
    fail(ana.email, 1)
    prune()
    assert (AccessAttempt.objects.count(), AccessLog.objects.count()) == (1, 1)

    age(minutes=31)
    AccessLog.objects.update(attempt_time=timezone.now() - sign_in.KNOWN_FOR - timedelta(days=1))
    prune()

    assert (AccessAttempt.objects.count(), AccessLog.objects.count()) == (0, 0)


def test_nobody_sees_the_records_on_a_screen():
    assert not [model for model in admin.site._registry if model._meta.app_label == "axes"]


def test_impersonation_makes_no_network_known(ana, root, signed_in):
    request = HttpRequest()
    request.session, request.user = signed_in(root).session, root
    request.META["REMOTE_ADDR"] = OFFICE
    login(request, ana, backend="core.permissions.backend.RoleBackend")  # as hijack signs somebody in

    assert not AccessLog.objects.exists()


# --- what was right and stays so -----------------------------------------------------------------------


def test_a_session_from_before_signing_in_is_not_the_one_after(ana):
    browser = Client()
    browser.get("/admin/login/")
    session = browser.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    browser.cookies["sessionid"] = planted

    assert let_in(enter(ana.email, RIGHT, client=browser))

    assert browser.cookies["sessionid"].value != planted
    other = Client()
    other.cookies["sessionid"] = planted
    assert other.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example",
        "///evil.example",
        "http:evil.example",
        "javascript:alert(1)",
        "https://testserver@evil.example/",
        "/%09/evil.example",
        "\t//evil.example",
    ],
)
@pytest.mark.parametrize("how", ["get", "post"])
def test_signing_in_leads_to_no_other_site(ana, target, how):
    data = {"username": ana.email, "password": RIGHT} | ({"next": target} if how == "post" else {})
    answer = Client().post("/admin/login/", data, query_params={"next": target} if how == "get" else {})

    assert let_in(answer)
    assert answer["Location"].startswith("/") and not answer["Location"].startswith(("//", "/\\"))


def test_a_new_password_signs_out_everywhere_else(ana):
    here, there = Client(), Client()
    for browser in (here, there):
        assert let_in(enter(ana.email, RIGHT, client=browser))

    fields = {"new_password1": "another-harbour-8", "new_password2": "another-harbour-8"}
    here.post("/admin/password_change/", {**fields, "old_password": RIGHT})

    assert here.get("/admin/").status_code == 200
    assert there.get("/admin/").status_code == 302


def test_the_old_password_is_not_guessed_in_a_session_left_open(ana):
    browser = Client()
    enter(ana.email, RIGHT, client=browser)
    fields = {"new_password1": "another-harbour-8", "new_password2": "another-harbour-8"}
    for _ in range(10):
        browser.post("/admin/password_change/", {**fields, "old_password": WRONG})

    answer = browser.post("/admin/password_change/", {**fields, "old_password": RIGHT})

    assert b"Too many tries. Try again in 30 minutes." in answer.content
    ana.refresh_from_db()
    assert ana.check_password(RIGHT)


def test_a_refused_sign_in_says_what_happened_and_nothing_of_saving(ana):
    wrong, empty = enter(ana.email, WRONG).content.decode(), enter("", "").content.decode()

    assert "E-mail address and password do not match." in wrong
    assert 'Look at <a class="underline" href="#id_username">E-mail address</a>' in empty
    for page in (wrong, empty):
        assert "Nothing was saved" not in page
        assert "See the errors below" not in page


def test_the_page_asks_for_no_user_name(client, db):
    page = client.get(reverse("admin:login")).content.decode()

    assert "Forgotten your password?" in page and "username?" not in page
    assert f'href="{reverse("admin:forgotten_password")}"' in page


def test_the_page_after_signing_out_is_ours(signed_in, mara):
    page = signed_in(mara).post("/admin/logout/").content.decode()

    assert "You are signed out" in page and "quality time" not in page
    assert f'href="{reverse("admin:index")}login/"' in page and "B2B Dashboard" in page
