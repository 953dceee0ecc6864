"""Signing in by a link in an e-mail, without a password.

A link proves that its user reads the mail of the account's address, as a link to set a password does. It
works once, for VALID_FOR, also while sign-in is locked after wrong passwords: the lock is against guessing,
and strangers must not keep the owner out with it. Using one ends the user's other links.
"""

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django_q.tasks import async_task

from core import acting
from core.errors import Refusal
from core.folding import email_key, normalize_email
from core.models import SignInLink, SiteSettings, User
from core.services.accounts import access, allowances, sign_in
from core.services.site import link_addresses, mail

SEND_TASK = "core.tasks.send_sign_in_link"
ASKED_TASK = "core.tasks.send_asked_sign_in_link"
VALID_FOR = timedelta(minutes=15)
KEPT_FOR = timedelta(days=1)  # rows of links that are over
HOUR = timedelta(hours=1)
SENT_BY_OTHERS = 10  # most links that administrators and managers can send to one user in an hour


def are_on() -> bool:
    """Whether the settings allow to sign in by a link."""
    return SiteSettings.load().sign_in_by_link


def ask_by_address(email: str, *, network: str | None, next_page: str = "") -> timedelta | None:
    """Queue a mail with a link to this address. Returns how long to wait when the network asked too often.

    The result must not show whether an account has the address. So the same happens without an account, and
    also when this address got SIGN_IN_MAILS in the last hour and no mail is sent.
    """
    if network is not None:
        limit = settings.SIGN_IN_MAILS_PER_NETWORK
        if wait := allowances.take("sign-in mail from", network, limit=limit, window=HOUR):
            return wait
    limit = settings.SIGN_IN_MAILS
    if not allowances.take("sign-in mail to", email_key(email), limit=limit, window=HOUR):
        async_task(ASKED_TASK, normalize_email(email), next_page, save=False)
    return None


@transaction.atomic
def ask_for(user: User, *, by: User) -> None:
    """Queue a mail with a link for the user; `by` is notified of a failure. Raises Refusal when the account
    is switched off, when the settings do not allow it, and after SENT_BY_OTHERS mails in an hour."""
    acting.refuse()
    if not are_on():
        raise Refusal("Sign-in by e-mail link is switched off in the settings.")
    if not user.is_active:
        raise Refusal(f"{user}'s account is switched off. Switch it on first.")
    wait = allowances.take("sign-in mail for", str(user.pk), limit=SENT_BY_OTHERS, window=HOUR)
    if wait:
        raise Refusal(f"{SENT_BY_OTHERS} sign-in links were sent to {user} within an hour. Try again later.")
    transaction.on_commit(partial(async_task, SEND_TASK, user.pk, by.pk, save=False))


def send_to_address(email: str, next_page: str) -> str:
    """Send a link to the account with this address, if it may use the dashboard. Returns an error text; empty
    on success."""
    try:
        user = User.objects.get_by_natural_key(email)  # finds the account that signs in with this address
    except User.DoesNotExist:
        return ""
    if not access.may_use_the_dashboard(User.objects.filter(pk=user.pk)).exists():
        return ""
    return send(user, "sign_in_link_asked", next_page)


def send(user: User, name: str = "sign_in_link_sent", next_page: str = "") -> str:
    """Make a link and send it to the user now. Returns an error text; empty on success."""
    if not are_on():
        return ""
    link = SignInLink.objects.create(user=user, next_page=next_page)
    values = {"link": f"{settings.SITE_URL}{address_of(link)}", "minutes": VALID_FOR // timedelta(minutes=1)}
    return mail.send(user.email, name, mail.about(user) | values, what="sign-in link")


def address_of(link: SignInLink) -> str:
    """Returns the path of the link. It is secret."""
    return link_addresses.address("sign_in_link", link.pk, make_token(link))


def make_token(link: SignInLink) -> str:
    """Returns the secret part of the link. It becomes invalid with a new password or address, and when the
    account is switched off."""
    state = f"{link.pk}\n{link.made_at.timestamp()}\n{link.user.access_as_of()}"
    return salted_hmac("core.services.accounts.sign_in_links", state, algorithm="sha256").hexdigest()


def find(uid: str, token: str) -> SignInLink | None:
    """Returns the link; None when it does not work (any more)."""
    fresh = SignInLink.objects.filter(used_at=None, made_at__gt=timezone.now() - VALID_FOR)
    link = fresh.filter(pk=link_addresses.key_of(uid), user__is_active=True).select_related("user").first()
    if link is None or not constant_time_compare(make_token(link), token):
        return None
    return link if are_on() else None


@transaction.atomic
def use(uid: str, token: str) -> SignInLink | None:
    """Use up the link and unlock the account. Returns None when the link does not work (any more). The caller
    signs the user in."""
    link = find(uid, token)
    if link is None:
        return None
    # Find it again with the user locked: a second click may have used it.
    User.objects.select_for_update(of=("self",)).get(pk=link.user_id)
    link = find(uid, token)
    if link is None:
        return None
    SignInLink.objects.filter(user=link.user_id, used_at=None).update(used_at=timezone.now())
    sign_in.unlock(link.user)
    return link


def over(now: datetime) -> QuerySet[SignInLink]:
    """Returns the rows that the daily pruning deletes."""
    return SignInLink.objects.filter(made_at__lt=now - KEPT_FOR)
