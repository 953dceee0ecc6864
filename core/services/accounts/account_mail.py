"""Mails about an account, sent by the worker: to set a password, and about a change of the e-mail address."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django_q.tasks import async_task

from core import acting
from core.errors import Refusal
from core.folding import email_key, normalize_email
from core.models import EmailChange, User
from core.services.accounts import access, allowances, email_changes
from core.services.site import link_addresses, mail, notices
from core.wording import plural

WELCOME_TASK = "core.tasks.send_welcome"
RESET_TASK = "core.tasks.send_password_reset"
FORGOTTEN_TASK = "core.tasks.send_forgotten_password"


class PasswordTokens(PasswordResetTokenGenerator):
    """Tokens for links to set a password. Unlike Django's they stay valid when the user signs in with the old
    password, as the screen and the mail promise. What ends sessions for good makes them invalid too
    (`User.access_as_of`)."""

    key_salt = "core.services.accounts.account_mail.PasswordTokens"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{user.pk}\n{user.access_as_of()}\n{timestamp}"


password_tokens = PasswordTokens()


def user_of_link(uid: str, token: str, *, locked: bool = False) -> User | None:
    """Returns the user of a link to set a password; None when it does not work (any more). With `locked`, the
    row is locked until the commit, so that a link that is used twice at once sets one password."""
    users = User.objects.select_for_update(of=("self",)) if locked else User.objects.all()
    user = users.filter(pk=link_addresses.key_of(uid), is_active=True).first()
    return user if user is not None and password_tokens.check_token(user, token) else None


def ask_for_welcome(user: User, *, by: User | None = None) -> None:
    """Queue the welcome mail for the user, to be sent after the commit. `by` is notified of a failure."""
    _queue(WELCOME_TASK, user, by)


def ask_for_password_reset(user: User, *, by: User | None = None) -> None:
    """Queue a mail with a link to set a new password; the old one works until then. `by` is notified of a
    failure. Raises Refusal when the account is switched off, and after PASSWORD_MAILS mails in an hour: those
    that others ask for are counted apart from the user's own."""
    acting.refuse()
    if not user.is_active:
        raise Refusal(f"{user}'s account is switched off. Switch it on first.")
    limit = settings.PASSWORD_MAILS
    if allowances.take("password mail for", str(user.pk), limit=limit, window=timedelta(hours=1)):
        sent = plural(limit, "link to choose a password was", "links to choose a password were")
        raise Refusal(f"{sent} sent to {user} within an hour. Try again later.")
    _queue(RESET_TASK, user, by)


def ask_by_address(email: str, *, network: str | None) -> timedelta | None:
    """Queue a mail with a link to set a password to this address. Returns how long to wait when the network
    asked too often.

    The result must not show whether an account has the address. So the same happens without an account, and
    also when this address got PASSWORD_MAILS in the last hour and no mail is sent.
    """
    account, hour = email_key(email), timedelta(hours=1)
    if network is not None:
        limit = settings.PASSWORD_MAILS_PER_NETWORK
        if wait := allowances.take("mail from", network, limit=limit, window=hour):
            return wait
    if not allowances.take("mail to", account, limit=settings.PASSWORD_MAILS, window=hour):
        async_task(FORGOTTEN_TASK, normalize_email(email), save=False)
    return None


def send_to_address(email: str) -> str:
    """Send the link to the account with this address, if it may use the dashboard. Also to users without a
    password: those who came from Thinkific set their first one this way. Returns an error text; empty on
    success."""
    try:
        user = User.objects.get_by_natural_key(email)  # finds the account that signs in with this address
    except User.DoesNotExist:
        return ""
    if not access.may_use_the_dashboard(User.objects.filter(pk=user.pk)).exists():
        return ""
    return send(user, "password_forgotten")


def send_password_reset(user: User) -> str:
    """Send the link now. Returns an error text; empty on success."""
    return send(user, "password_reset")


def send_email_change_link(change: EmailChange) -> str:
    """Send the link to confirm the new address to that address, now. Returns an error text; empty on
    success."""
    path = link_addresses.address("email_change", change.user_id, email_changes.make_token(change))
    by_themselves = change.asked_by in {None, change.user}
    values = {
        "asked_by": "Somebody" if by_themselves else change.asked_by,  # the address may be a stranger's
        "link": f"{settings.SITE_URL}{path}",
        "days": _days(),
    }
    about = mail.about(change.user)
    return mail.send(change.new_email, "email_change_link", about | values, what="confirmation e-mail")


def warn_old_address(change: EmailChange) -> str:
    """Tell the present address that somebody asked to change it. Returns an error text; empty on success."""
    asked_by = "You" if change.asked_by == change.user else change.asked_by or "Somebody"
    values = {"asked_by": asked_by, "new_address": masked(change.new_email)}
    about = mail.about(change.user)
    return mail.send(change.old_email, "email_change_asked", about | values, what="e-mail to the old address")


def tell_old_address(change: EmailChange, *, over: BaseEmailBackend | None = None) -> str:
    """Tell the old address that it is no longer the login. Returns an error text; empty on success."""
    how = change.get_way_display()
    if change.asked_by is not None and change.asked_by != change.user:
        how += f", asked for by {change.asked_by}"
    values = {"new_address": masked(change.new_email), "how": how}
    about = mail.about(change.user)
    return mail.send(
        change.old_email, "email_change_done", about | values, what="e-mail to the old address", over=over
    )


def masked(email: str) -> str:
    """Returns the address shortened so that only its owner recognises it: n…@example.org."""
    name, _, domain = email.partition("@")
    return f"{name[:1]}…@{domain}"


def address_of(user: User) -> str:
    """Returns the path of a link to set a password. It is secret."""
    return link_addresses.address("password_reset_confirm", user.pk, password_tokens.make_token(user))


def send(user: User, name: str, *, what: str = "e-mail") -> str:
    """Send the user this e-mail, with a link to set a password. Returns an error text; empty on success."""
    # The link is made when the mail is sent, because it is secret and must not be stored in the queue.
    values = {"link": f"{settings.SITE_URL}{address_of(user)}", "days": _days()}
    return mail.send(user.email, name, mail.about(user) | values, what=what)


def _days() -> int:
    return settings.PASSWORD_RESET_TIMEOUT // 86_400


def _queue(task: str, user: User, by: User | None) -> None:
    keys = (user.pk, notices.waiting(by))
    transaction.on_commit(lambda: async_task(task, *keys, save=False))
