"""The welcome e-mail: tells a user about a new account or a new team."""

from core.models import User
from core.services.accounts import account_mail


def send(user: User) -> str:
    """Send the user a link to set a password. A user who has one gets a mail about the team that they were
    added to instead. Returns an error text; empty on success."""
    name = "joined_team" if user.has_usable_password() else "welcome"
    return account_mail.send(user, name, what="welcome e-mail")
