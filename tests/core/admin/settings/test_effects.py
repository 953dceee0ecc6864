"""What the settings about people and enrollments do."""

from datetime import date, timedelta

import pytest
from django.contrib.auth.password_validation import password_validators_help_texts, validate_password
from django.core import mail as outgoing
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from core.models import SiteSettings
from core.services.enrollments.enrollments import usual_last_day
from core.services.site import mail
from tests.core.admin.settings.test_tabs import address, form_of
from tests.dialogs import Inputs
from tests.factories import TagFactory

pytestmark = pytest.mark.django_db


def choose(**values) -> None:
    SiteSettings.load()
    SiteSettings.objects.update(**values)


@pytest.mark.parametrize(
    ("mix", "length", "password", "said"),
    [
        ("any", 10, "short-one", "It has 9 characters. Choose at least 10."),
        ("any", 12, "eleven-char", "Choose at least 12."),
        ("any", 8, "long-enough", ""),
        ("letters_digits", 8, "no-digit-here", "Add a digit."),
        ("letters_digits", 8, "----1234----", "Add a letter."),
        ("letters_digits", 8, "Größe-1-und-mehr", ""),
        ("four_kinds", 8, "alllowercase", "Add a capital letter, a digit and a sign that is neither."),
        ("four_kinds", 8, "日本語のパスワード1234", "Add a small letter, a capital letter and a sign"),
        ("four_kinds", 8, "Good-Enough-1", ""),
    ],
)
def test_new_passwords_follow_the_settings(mix, length, password, said):
    choose(password_mix=mix, password_min_length=length)
    try:
        validate_password(password)
        problems = ""
    except ValidationError as error:
        problems = " ".join(error.messages)

    assert said in problems if said else not problems
    assert any(f"at least {length} characters" in text for text in password_validators_help_texts())


def test_a_password_that_was_set_before_still_signs_in(alma, client):
    alma.set_password("old-short")
    alma.save()
    choose(password_min_length=64)

    response = client.post("/admin/login/", {"username": alma.email, "password": "old-short"})

    assert response.status_code == 302


@pytest.mark.parametrize("days", [1, 14, 200])
def test_a_sign_in_lasts_as_long_as_the_settings_say(alma, client, days):
    choose(session_days=days)
    alma.set_password("a-Password-for-tests")
    alma.save()

    client.post("/admin/login/", {"username": alma.email, "password": "a-Password-for-tests"})

    left = client.session.get_expiry_date() - timezone.now()
    assert abs(left - timedelta(days=days)) < timedelta(minutes=5)


@pytest.mark.parametrize("is_on", [True, False])
def test_add_user_suggests_the_welcome_mail_of_the_settings(alma, signed_in, is_on):
    choose(welcome_email=is_on)

    form = signed_in(alma).get(reverse("admin:core_user_do_new", args=["add"])).context["form"]

    assert form["welcome"].value() is is_on


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"default_expiry_kind": "days", "default_enrollment_days": 30}, 30),
        ({"default_expiry_kind": "days", "default_enrollment_days": 0}, None),
        ({"default_expiry_kind": "date", "default_expiry_date": date(2031, 5, 6)}, date(2031, 5, 6)),
        ({"default_expiry_kind": "never", "default_enrollment_days": 30}, None),
    ],
)
def test_dialogs_suggest_the_end_of_the_settings(chosen, expected):
    choose(**chosen)
    if isinstance(expected, int):
        expected = timezone.localdate() + timedelta(days=expected)

    assert usual_last_day() == expected


def test_an_end_on_a_date_needs_the_date(alma, signed_in):
    client = signed_in(alma)
    sent = form_of(client, "seats") | {"default_expiry_kind": "date"}

    refused = client.post(address("seats"), sent)
    assert "Choose the day on which access ends." in refused.content.decode()
    assert SiteSettings.load().default_expiry_kind == "days"

    client.post(address("seats"), sent | {"default_expiry_date": "2031-05-06"})
    row = SiteSettings.load()
    assert (row.default_expiry_kind, row.default_expiry_date) == ("date", date(2031, 5, 6))


def test_mails_come_from_the_sender_of_the_settings(settings):
    choose(email_sender="Acme <hello@acme.example>")
    mail.deliver("ana@acme.example", "Hello", "Text")
    settings.DEFAULT_FROM_EMAIL = "Env <env@acme.example>"
    mail.deliver("ana@acme.example", "Hello", "Text")

    assert [one.from_email for one in outgoing.outbox] == [
        "Acme <hello@acme.example>",
        "Env <env@acme.example>",
    ]


@pytest.mark.parametrize("text", ["nobody", "A <b>", "Acme <hello@acme.example>\r\nBcc: x@y.example", "<>"])
def test_a_sender_that_is_no_address_is_refused_beside_the_field(alma, signed_in, text):
    client = signed_in(alma)

    response = client.post(address("general"), form_of(client, "general") | {"email_sender": text})

    assert response.status_code == 200
    assert "email_sender" in response.context["adminform"].form.errors


@pytest.mark.parametrize(
    ("tab", "name", "value"),
    [
        ("general", "time_zone", "Mars/Olympus"),
        ("general", "date_format", "%Y"),
        ("general", "default_currency", "usd"),
        ("people", "session_days", "0"),
        ("people", "password_min_length", "7"),
        ("people", "password_min_length", "65"),
        ("seats", "default_enrollment_days", "-1"),
        ("retention", "retention_days", "99999999999999999999"),
        ("retention", "retention_days", "0"),
        ("thinkific", "thinkific_rate_limit", "0"),
        ("thinkific", "thinkific_subdomain", "https://acme.thinkific.com"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_beside_its_field(alma, signed_in, settings, tab, name, value):
    settings.THINKIFIC_SUBDOMAIN, settings.THINKIFIC_RATE_LIMIT = "", 0
    client = signed_in(alma)

    response = client.post(address(tab), form_of(client, tab) | {name: value})

    assert response.status_code == 200
    assert list(response.context["adminform"].form.errors) == [name]


@pytest.mark.parametrize("address", ["core_seat_do_new", "core_product_do"])
def test_a_new_seat_begins_with_the_settings(alma, accounting, signed_in, address):
    vip, day = TagFactory(name="VIP"), timezone.localdate() + timedelta(days=30)
    TagFactory(name="other")
    choose(
        default_max_seats=25,
        default_expiry_kind="date",
        default_expiry_date=day,
        default_enrollment_days=90,
        default_seat_tags="vip",
    )
    keys, slug = ([], "add") if address.endswith("new") else ([accounting.pk], "add-seat")

    page = signed_in(alma).get(reverse(f"admin:{address}", args=[*keys, slug]))

    form = page.context["form"]
    names = ("max_seats", "expiry_type", "expiry_date", "expiry_days", "tags")
    assert [form[name].initial for name in names] == [25, "date", day, 90, [vip.pk]]
    sent = Inputs(page.content.decode()).sent
    assert (sent["max_seats"], sent["expiry_type"]) == ("25", "date")


def test_default_seat_tags_must_exist_and_are_stored_tidied(alma, signed_in):
    TagFactory(name="VIP")
    client = signed_in(alma)

    refused = client.post(
        address("seats"), form_of(client, "seats") | {"default_seat_tags": "VIP\nGhost"}
    ).content.decode()
    assert "There is no tag “Ghost”. Add it on the screen Tags first." in refused
    client.post(address("seats"), form_of(client, "seats") | {"default_seat_tags": "\n  VIP \n\n"})

    assert SiteSettings.load().default_seat_tags == "VIP"


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("Sales\nsales", "“sales” is there twice. Enter each name once."),
        ("x" * 101, "has 101 characters; 100 is the most."),
        ("\n".join(f"Team {n}" for n in range(21)), "These are 21 names; 20 is the most."),
    ],
)
def test_names_of_default_teams_are_checked(alma, signed_in, names, says):
    client = signed_in(alma)

    page = client.post(address("people"), form_of(client, "people") | {"default_team_names": names})

    assert says in page.content.decode()
    assert SiteSettings.load().default_team_names == ""
