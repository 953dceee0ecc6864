"""The welcome e-mail: tells a user about a new account or a new team."""

from core.models import User
from core.services.accounts import account_mail

SUBJECT = "Your account in the B2B Dashboard"


def send(user: User) -> str:
    """Send the user a link to set a password. A user who has one gets a mail about the team that they were
    added to instead. Returns an error text; empty on success."""
    template = "core/joined_team.txt" if user.has_usable_password() else "core/welcome.txt"
    return account_mail.send(user, SUBJECT, template, what="welcome e-mail")
