"""The mail that tells somebody that they have an account."""

from smtplib import SMTPException

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from core.models import User

SUBJECT = "Your account in the B2B Dashboard"


def send(user: User) -> str:
    """Send somebody the link by which they set their password. Answers what went wrong, or nothing."""
    mail = EmailMessage(SUBJECT, _text(user), to=[user.email])
    try:
        mail.send()
    except (SMTPException, OSError, ValueError) as error:  # ValueError: an address that no header can hold
        return f"The welcome e-mail could not be sent: {str(error)[:200] or type(error).__name__}"
    return ""


def _text(user: User) -> str:
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse(
        "admin:password_reset_confirm",
        kwargs={"uidb64": uid, "token": default_token_generator.make_token(user)},
    )
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    return render_to_string(
        "core/welcome.txt", {"user": user, "link": f"{settings.SITE_URL}{path}", "days": days}
    )
