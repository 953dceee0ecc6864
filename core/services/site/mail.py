"""Sending a mail. Only the worker does this, so that no page waits for the mail server."""

from smtplib import SMTPException
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import render_to_string

from core.email_display import as_people_write


def deliver(
    address: str,
    subject: str,
    template: str,
    values: dict[str, Any],
    *,
    what: str = "e-mail",
    over: BaseEmailBackend | None = None,
) -> str:
    """Send a mail now, through the open connection `over` if one is given. `what` names the mail in the
    error. Returns an error text; empty on success."""
    text = as_people_write(render_to_string(template, values))
    try:
        EmailMessage(subject, text, to=[address], connection=over).send()
    except (SMTPException, OSError, ValueError) as error:  # ValueError: the address is not valid in a header
        return f"The {what} could not be sent: {str(error)[:200] or type(error).__name__}"
    return ""
