"""The mail that tells somebody that they have an account."""

from core.models import User
from core.services.accounts import account_mail

SUBJECT = "Your account in the B2B Dashboard"


def send(user: User) -> str:
    """Send somebody the link by which they set their password; who has one is told of the team that they
    were added to. Returns what went wrong, or nothing."""
    template = "core/joined_team.txt" if user.has_usable_password() else "core/welcome.txt"
    return account_mail.send(user, SUBJECT, template, what="welcome e-mail")
