"""Sending a mail: in the worker, never while somebody waits for a page."""

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
    """Send a mail now, `over` a connection that is open where there is one. Returns what went wrong, or
    nothing."""
    text = as_people_write(render_to_string(template, values))
    try:
        EmailMessage(subject, text, to=[address], connection=over).send()
    except (SMTPException, OSError, ValueError) as error:  # ValueError: an address that no header can hold
        return f"The {what} could not be sent: {str(error)[:200] or type(error).__name__}"
    return ""
