"""Texts of e-mails: what is taken and refused, and that a text is never run."""

import pytest
from django.core import mail as outbox

from core.email_kinds import KINDS
from core.errors import Refusal
from core.models import EmailChange, EmailText, Invitation
from core.services import invitations
from core.services.accounts import account_mail, sign_in_links, welcome_mail
from core.services.site import email_editing, email_placeholders, email_texts, mail
from tests.factories import builtin_role

BODY = "Hello {first_name},\n\n{link}\n"
WELCOME = KINDS["welcome"]


def body_problems(body: str) -> list[str]:
    return email_texts.problems(WELCOME, "Hello", body)["body"]


def subject_problems(subject: str) -> list[str]:
    return email_texts.problems(WELCOME, subject, BODY)["subject"]


@pytest.fixture
def welcome(db) -> EmailText:
    email_texts.complete()
    return EmailText.objects.get(name="welcome")


@pytest.mark.parametrize("name", KINDS)
def test_every_shipped_text_is_one_that_could_be_saved(name):
    subject, body = KINDS[name].shipped

    assert subject and body
    assert email_texts.problems(KINDS[name], subject, body) == {"subject": [], "body": []}
    assert "{" not in "".join(email_texts.example(name, subject, body))


@pytest.mark.parametrize(
    "wrong",
    [
        "{__class__}",
        "{link.__class__}",
        "{link!r}",
        "{link:>100000000}",
        "{0}",
        "{}",
        "{ link }",
        "{LINK}",
        "{{link}}",
        "{% load x %}",
        "{{ user.password }}",
        "{link",
        "link}",
        "${days}}",
        "{first_name\n}",
    ],
)
def test_what_is_no_placeholder_is_refused_and_never_run(wrong):
    assert body_problems(f"{BODY}{wrong}")
    assert subject_problems(f"Hello {wrong}")
    values = {key: one.example for key, one in WELCOME.placeholders.items()}
    filled = email_placeholders.filled(wrong, values)
    assert "class" not in filled or filled == wrong
    assert len(filled) < 100


def test_a_misspelt_placeholder_says_what_was_meant():
    assert body_problems(f"{BODY}{{fistname}}") == [
        "{fistname} is no placeholder of this e-mail. Did you mean {first_name}?"
    ]
    assert "Line 4 has a brace" in body_problems(f"{BODY}{{")[0]


def test_a_text_without_its_link_is_refused():
    assert body_problems("Hello") == ["The text must contain {link}: The link to choose a password."]


@pytest.mark.parametrize(
    "subject", ["a\nBcc: x@y.example", "a\rb", "a\u2028b", "a\x85b", "a\x00b", "", " ", "{link}", "a\tb"]
)
def test_a_subject_is_one_line_and_holds_no_secret(subject):
    assert subject_problems(subject)


@pytest.mark.parametrize("body", [f"{BODY}\x00", f"{BODY}\x1b[0m", BODY + "x" * 10_001])
def test_a_body_has_no_control_characters_and_an_end(body):
    assert body_problems(body)


def test_other_languages_and_pictures_are_fine():
    assert body_problems("שלום {first_name} \U0001f469\u200d\U0001f467\tñandú\n{link}") == []


def test_what_stands_in_a_value_is_not_read_again():
    values = {"first_name": "{link}", "link": "https://secret.example", "email": "a\nb"}

    assert email_placeholders.filled("{first_name} {email}", values) == "{link} a b"


def test_a_list_keeps_its_lines_in_the_text_and_has_none_in_the_subject():
    values = {"seats": "- A \r\n-  B", "name": "x\ny"}
    text = email_placeholders.filled("{seats}|{name}", values, several_lines=["seats"])
    assert text == "- A\n- B|x y"

    alert = KINDS["seat_alert"]
    assert email_texts.problems(alert, "{seats}", "{seats}")["subject"]


def test_an_empty_value_takes_the_blank_before_it_away():
    assert email_placeholders.filled("Hello {first_name},", {"first_name": ""}) == "Hello,"


@pytest.mark.parametrize(
    ("text", "without_a_name"),
    [
        ("Your courses are waiting, {first_name}", "Your courses are waiting"),
        ("{first_name}, your courses are waiting", "Your courses are waiting"),
        ("Welcome, {first_name}!\nSee you, {first_name}.", "Welcome!\nSee you."),
        ("Dear {first_name},\n\nthe team {team} waits", "Dear,\n\nthe team Acme waits"),
        ("For {team}, {first_name}, today", "For Acme, today"),
        ("Hello {first_name} of {team}", "Hello of Acme"),
    ],
)
def test_a_missing_name_leaves_no_comma_behind(text, without_a_name):
    values = {"first_name": " ", "team": "Acme"}

    assert email_placeholders.filled(text, values) == without_a_name
    assert email_placeholders.filled("{first_name}{first_name}!", {"first_name": ""}) == "!"


def test_a_changed_text_is_sent_and_kept_in_the_history(welcome, ana, root):
    email_editing.change(welcome, subject="Welcome, {name}", body="Go:\r\n{link}", by=root)

    assert welcome_mail.send(ana) == ""

    (message,) = outbox.outbox
    assert message.subject == f"Welcome, {ana.get_full_name()}"
    assert message.body.startswith("Go:\nhttp")
    row = welcome.history.first()
    assert (row.history_user, row.body) == (root, "Go:\n{link}")


def test_the_shipped_text_returns(welcome, ana, root):
    email_editing.change(welcome, subject="Welcome", body=BODY, by=root)
    email_editing.reset(EmailText.objects.get(name="welcome"), by=root)

    welcome_mail.send(ana)

    assert outbox.outbox[0].subject == WELCOME.shipped[0]
    assert not EmailText.objects.get(name="welcome").is_changed
    before = welcome.history.count()
    email_editing.change(welcome, subject=WELCOME.shipped[0], body=WELCOME.shipped[1], by=root)
    assert welcome.history.count() == before  # nothing was changed


def test_the_service_refuses_what_the_form_would(welcome, root):
    with pytest.raises(Refusal, match="is no placeholder"):
        email_editing.change(welcome, subject="{x}", body=BODY, by=root)
    assert not EmailText.objects.get(name="welcome").is_changed


def test_a_stored_text_of_another_version_does_not_keep_the_mail_from_being_sent(welcome, ana, caplog):
    EmailText.objects.filter(pk=welcome.pk).update(subject="Hello", body="{link} {gone_since}")

    welcome_mail.send(ana)

    assert outbox.outbox[0].subject == WELCOME.shipped[0]
    assert "does not fit this version" in caplog.text


def test_rows_are_made_once(db):
    email_texts.complete()
    email_texts.complete()

    assert EmailText.objects.count() == len(KINDS)


# --- every mail has a value for each of its placeholders --------------------------------------------------


@pytest.fixture
def change(ana, mara) -> EmailChange:
    return EmailChange.objects.create(
        user=ana, old_email=ana.email, new_email="new@acme.example", way="confirmed", asked_by=mara
    )


@pytest.fixture
def invitation(acme, otto, mara) -> Invitation:
    student = builtin_role("student")
    return Invitation.objects.create(team=acme, user=otto, role=student, address=otto.email, invited_by=mara)


def test_every_placeholder_gets_a_value(ana, bo, change, invitation, root):
    email_texts.complete()
    for row in EmailText.objects.all():
        names = KINDS[row.name].placeholders
        EmailText.objects.filter(pk=row.pk).update(
            subject=row.name, body="\n".join(f"{name}: {{{name}}}" for name in names)
        )
    bo.set_password("quiet-harbour-lights-7")
    bo.save(update_fields=["password"])

    welcome_mail.send(ana)
    welcome_mail.send(bo)
    account_mail.send_to_address(ana.email)
    account_mail.send_password_reset(ana)
    account_mail.send_email_change_link(change)
    account_mail.warn_old_address(change)
    account_mail.tell_old_address(change)
    sign_in_links.send_to_address(ana.email, "")
    sign_in_links.send(ana)
    invitations.send_mail(invitation)

    sent = {message.subject: message.body for message in outbox.outbox}
    assert len(sent) == 10
    for name, body in sent.items():
        lines = dict(line.split(": ", 1) for line in body.strip().split("\n"))
        assert lines.keys() == KINDS[name].placeholders.keys(), name
        assert all(lines.values()) and "{" not in body, name


def test_a_mail_that_gives_no_value_for_a_placeholder_is_a_fault(ana):
    """Each of them, because an administrator may use each: so any test that sends a mail finds it."""
    with pytest.raises(AssertionError, match="days"):
        mail.send(ana.email, "welcome", mail.about(ana) | {"link": "https://x.example"})


def test_a_mail_about_an_address_does_not_tell_one_mailbox_of_the_other():
    for name in ("email_change_link", "email_change_asked", "email_change_done"):
        assert "email" not in KINDS[name].placeholders


def test_a_name_with_a_line_of_its_own_stays_in_its_place(acme, invitation, caplog):
    acme.name = "Acme\r\nBcc: x@y.example\n\nhttps://evil.example"
    invitation.team = acme

    assert invitations.send_mail(invitation) == ""

    assert "\n" not in outbox.outbox[0].subject
    assert "\nhttps://evil" not in outbox.outbox[0].body


def test_a_failure_says_which_mail(settings, ana):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1

    assert "The e-mail could not be sent" in mail.send(
        ana.email, "welcome", mail.about(ana) | {"link": "https://x.example", "days": 3}
    )
