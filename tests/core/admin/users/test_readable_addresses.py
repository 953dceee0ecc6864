"""Screens, dialogs, messages and mails show a domain as people write it; files and Thinkific get xn--."""

import pytest
from django.core import mail
from django.urls import reverse

from core.models import EmailChange, User
from core.services import people
from core.services.accounts import account_mail
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.once]
STORED = "ozlem@xn--bcher-kva.example"
SHOWN = "ozlem@bücher.example"
LIST = reverse("admin:core_user_changelist")


@pytest.fixture
def ozlem(acme):
    return UserFactory(first_name="", last_name="", email=SHOWN)


def page_of(user: User) -> str:
    return reverse("admin:core_user_change", args=[user.pk])


def do(slug: str, user: User) -> str:
    return reverse("admin:core_user_do", args=[user.pk, slug])


@pytest.mark.parametrize("slug", ["", "edit", "delete", "reset-password", "create-thinkific-account"])
def test_pages_and_dialogs_show_the_readable_form(alma, signed_in, ozlem, slug):
    page = signed_in(alma).get(do(slug, ozlem) if slug else page_of(ozlem)).content.decode()

    assert ozlem.email == STORED
    assert SHOWN in page
    assert "xn--" not in page


@pytest.mark.parametrize("asked", ["", "?q=bücher", "?q=ozlem@xn--bcher-kva.example"])
def test_the_list_shows_the_readable_form_and_finds_both(alma, signed_in, ozlem, asked):
    page = signed_in(alma).get(LIST + asked).content.decode()

    assert f'title="{SHOWN}"' in page
    assert ">ozlem@<wbr>bücher.example</bdi>" in page


def test_the_export_keeps_the_form_that_machines_compare(alma, signed_in, ozlem):
    asked = {"file_format": "csv", "file_columns": "email"}
    answer = signed_in(alma).get(reverse("admin:core_user_export_file"), asked)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")

    assert STORED in text


def test_a_profile_saved_as_it_was_shown_changes_nothing(alma, signed_in, ozlem):
    shown = signed_in(alma).get(do("edit", ozlem)).context["form"]
    sent = {name: shown[name].value() for name in ("first_name", "last_name", "email")}
    sent |= {f"initial-{name}": value for name, value in sent.items()}
    sent |= {"is_active": "on", "initial-is_active": "True"}
    assert sent["email"] == SHOWN

    page = signed_in(alma).post(do("edit", ozlem), sent, follow=True).content.decode()

    assert "is saved" in page or "Nothing was changed" in page
    assert not EmailChange.objects.exists()
    assert User.objects.get(pk=ozlem.pk).email == STORED


@pytest.mark.parametrize("typed", ["new@bücher.example", "new@xn--bcher-kva.example"])
def test_an_address_is_taken_however_it_is_typed_and_shown_readably(alma, signed_in, ozlem, typed):
    sent = {"email": typed, "is_active": "on", "initial-email": SHOWN, "initial-is_active": "True"}

    page = signed_in(alma).post(do("edit", ozlem), sent, follow=True).content.decode()

    assert EmailChange.objects.get().new_email == "new@xn--bcher-kva.example"
    assert "A confirmation mail goes to new@bücher.example" in page
    assert "xn--" not in page


def test_a_refusal_names_the_readable_form(alma, signed_in, ozlem, ana):
    sent = {"email": SHOWN, "is_active": "on"}

    page = signed_in(alma).post(do("edit", ana), sent).content.decode()

    assert f"Somebody has an account with {SHOWN} already" in page
    assert "xn--" not in page


def test_a_mail_says_the_readable_form_and_goes_to_the_other(ozlem):
    account_mail.send_password_reset(ozlem)

    assert mail.outbox[0].to == [STORED]
    assert SHOWN in mail.outbox[0].body
    assert "xn--" not in mail.outbox[0].body


def test_who_signs_in_may_type_either(client, ozlem):
    ozlem.set_password("a-Password-for-this-test")
    ozlem.is_dashboard_user = True
    ozlem.save()

    for typed in (SHOWN, STORED):
        client.logout()
        sent = {"username": typed, "password": "a-Password-for-this-test"}
        assert client.post(reverse("admin:login"), sent).status_code == 302


def test_people_are_stored_once_whichever_form_is_typed(ozlem):
    assert list(User.objects.of_address(SHOWN)) == list(User.objects.of_address(STORED)) == [ozlem]
    assert people.check_email(ozlem, SHOWN) == STORED
