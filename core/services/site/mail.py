"""Sending a mail. Only the worker does this, so that no page waits for the mail server."""

from collections.abc import Mapping
from smtplib import SMTPException
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from core.email_display import as_people_write
from core.email_kinds import KINDS
from core.models import SiteSettings, User
from core.services.site import email_texts


def send(
    address: str,
    name: str,
    values: Mapping[str, Any],
    *,
    what: str = "e-mail",
    over: BaseEmailBackend | None = None,
) -> str:
    """Send the e-mail with this name (core/email_kinds.py) now.

    `values` has a text for each of its placeholders. `over` is an open connection to use. `what`
    names the mail in the error. Returns an error text; empty on success.
    """
    missing = KINDS[name].placeholders.keys() - values.keys()
    assert not missing, f"The e-mail {name} is sent without values for {missing}."
    subject, text = email_texts.written(name, {key: str(value) for key, value in values.items()})
    return deliver(address, subject, text, what=what, over=over)


def deliver(
    address: str, subject: str, text: str, *, what: str = "e-mail", over: BaseEmailBackend | None = None
) -> str:
    """Send a text now. Returns an error text; empty on success."""
    subject = " ".join(as_people_write(subject).split())
    try:
        EmailMessage(subject, as_people_write(text), sender(), to=[address], connection=over).send()
    except (SMTPException, OSError, ValueError) as error:  # ValueError: the address is not valid in a header
        return f"The {what} could not be sent: {str(error)[:200] or type(error).__name__}"
    return ""


def sender() -> str:
    """Returns the address that mails come from: of the environment, else of the settings."""
    return settings.DEFAULT_FROM_EMAIL or SiteSettings.load().email_sender


def about(user: User) -> dict[str, str]:
    """Returns the values of the placeholders that all e-mails to a user have (`email_kinds.PERSON`)."""
    return {"first_name": user.first_name, "name": user.get_full_name(), "email": user.email}
