"""Joining a team by a sign-up link: a person enters an address, and answers the mail that goes there.

An address that somebody types proves nothing. Until the mail is answered no account is made, shown or
changed. The page says and does the same for every address: the worker finds out whether an account has it.
"""

from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from core.errors import Refusal
from core.folding import email_key, tidy_name
from core.models import Membership, SignUp, SignUpLink, Team, User
from core.models.people import NAME_LENGTH
from core.services import memberships, people
from core.services.accounts import allowances
from core.services.site import link_addresses, mail, notices
from core.services.storage.collisions import checked_again
from core.services.teams import sign_up_links

MAIL_TASK = "core.tasks.send_sign_up_mail"
ANSWER_WITHIN = timedelta(days=3)
HOUR = timedelta(hours=1)
PER_NETWORK = 60  # in an hour: a class may sign up from one network
PER_ADDRESS = 3  # mails to one address in an hour
REASON = "joined by a sign-up link"


@checked_again
def ask(
    link: SignUpLink, *, email: str, first_name: str = "", last_name: str = "", network: str | None
) -> timedelta | None:
    """Note that somebody wants to join, and queue a mail to the address. Returns how long to wait when the
    network asked too often. Raises Refusal when nobody can join by the link, and NotAnAddress.

    The result must not show whether an account has the address, or whether it got PER_ADDRESS mails in the
    last hour and gets none now.
    """
    address = people.usable_address(email)
    names = [_name(first_name), _name(last_name)]
    sign_up_links.check_open(link)
    if network is not None:
        wait = allowances.take("sign-up from", network, limit=PER_NETWORK, window=HOUR)
        if wait:
            return wait
    values = {"email": address, "first_name": names[0], "last_name": names[1]}
    found = SignUp.objects.select_for_update(of=("self",)).filter(link=link, email_key=email_key(address))
    sign_up = found.first() or SignUp(link=link)
    if sign_up.joined_at is None:
        for name, value in values.items():
            setattr(sign_up, name, value)
        sign_up.asked_at = timezone.now()
        sign_up.save()
    if not allowances.take("sign-up to", email_key(address), limit=PER_ADDRESS, window=HOUR):
        transaction.on_commit(partial(async_task, MAIL_TASK, sign_up.pk, save=False))
    return None


def _name(text: str) -> str:
    text = tidy_name(text)
    if len(text) > NAME_LENGTH:
        raise Refusal(f"The name has {len(text)} characters; {NAME_LENGTH} is the most.")
    return text


def account_of(sign_up: SignUp) -> User | None:
    """Returns the account with the address of the sign-up, if there is one."""
    return User.objects.of_address(sign_up.email).first()


@transaction.atomic
def confirm(sign_up: SignUp) -> Membership:
    """Make the person who answered the mail a member: with a new account, or as a guest with the account that
    has this address.

    The use of the link and the team's limit are counted now, with both rows locked: the last place goes to
    one person. Raises Refusal, and changes nothing, when nobody can join any more.
    """
    link = SignUpLink.objects.select_for_update(of=("self",)).get(pk=sign_up.link_id)
    link.team = Team.objects.select_for_update(of=("self",)).get(pk=link.team_id)
    found = SignUp.objects.select_for_update(of=("self",)).get(pk=sign_up.pk)
    user = account_of(found)
    there = Membership.objects.filter(team=link.team, user=user).first() if user is not None else None
    if there is not None:
        return there
    sign_up_links.check_open(link)
    if user is not None and not user.is_active:
        raise Refusal("This account cannot join. Ask whoever gave you the link.")
    link.used_count += 1
    link.save(update_fields=["used_count"])
    user, membership = _join(link, found, user)
    found.joined_at, found.user = timezone.now(), user
    found.save(update_fields=["joined_at", "user"])
    if link.made_by is not None:
        page = f"{reverse('admin:core_team_change', args=[link.team_id])}?tab=users"
        notices.tell([link.made_by], f"{found.email} has joined {link.team} by a sign-up link.", url=page)
    return membership


def _join(link: SignUpLink, sign_up: SignUp, user: User | None) -> tuple[User, Membership]:
    if user is not None:
        joined = memberships.add_member(
            team=link.team, user=user, role=link.role, by=user, reason=REASON, as_guest=True
        )
        return user, joined
    made = people.create_user(
        email=sign_up.email,
        first_name=sign_up.first_name,
        last_name=sign_up.last_name,
        memberships=[(link.team, link.role)],
    )
    return made, Membership.objects.get(team=link.team, user=made)


# --- the mail and its link ----------------------------------------------------------------------------


def send_mail(sign_up: SignUp) -> str:
    """Send the mail that asks whether the person wants to join: other words where an account has the address.
    Returns an error text; empty on success, and where no mail is sent: the account is switched off."""
    user = account_of(sign_up)
    if user is not None and not user.is_active:
        return ""
    values = {
        "first_name": sign_up.first_name if user is None else user.first_name,
        "email": sign_up.email,
        "team": sign_up.link.team,
        "role": sign_up.link.role,
        "link": f"{settings.SITE_URL}{address_of(sign_up)}",
        "days": ANSWER_WITHIN.days,
    }
    name = "sign_up_new" if user is None else "sign_up_known"
    return mail.send(_mailbox(sign_up), name, values, what="mail about joining")


def address_of(sign_up: SignUp) -> str:
    """Returns the path of the link in the mail. It is secret, and works until ANSWER_WITHIN."""
    token = _signer(sign_up).sign(str(sign_up.pk)).partition(":")[2]
    return link_addresses.address("confirm_sign_up", sign_up.pk, token)


def find(uidb64: str, token: str) -> SignUp | None:
    """Returns the sign-up of a link in a mail; None when the link does not work (any more)."""
    rows = SignUp.objects.select_related("link__team", "link__role", "link__made_by__global_role", "user")
    sign_up = rows.filter(pk=link_addresses.key_of(uidb64)).first()
    if sign_up is None:
        return None
    try:
        _signer(sign_up).unsign(f"{sign_up.pk}:{token}", max_age=ANSWER_WITHIN)
    except BadSignature:
        return None
    return sign_up


def _signer(sign_up: SignUp) -> TimestampSigner:
    return TimestampSigner(salt=f"core.sign_up:{sign_up.link_id}:{_mailbox(sign_up)}")


def _mailbox(sign_up: SignUp) -> str:
    """Returns where the mail goes: to the account's own address. What was typed may be another mailbox that
    only counts as the same address (core/folding.py)."""
    user = account_of(sign_up)
    return sign_up.email if user is None else user.email


def over(now: datetime) -> QuerySet[SignUp]:
    """Returns sign-ups that were never answered and cannot be any more: addresses of strangers."""
    return SignUp.objects.filter(joined_at__isnull=True, asked_at__lt=now - 2 * ANSWER_WITHIN)
