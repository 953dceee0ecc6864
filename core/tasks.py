"""Tasks that the worker runs. Whoever started one gets a notice about its result or its failure."""

from contextlib import suppress
from smtplib import SMTPException

import structlog
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse
from django.utils import timezone

from core.email_kinds import KINDS
from core.models import EmailChange, Invitation, Notice, SignUp, StripeEvent, User, WebhookEndpoint
from core.services import invitations, seats
from core.services.accounts import access, account_mail, sign_in_links, welcome_mail
from core.services.payments import alerts as payment_alerts
from core.services.seats import alerts
from core.services.site import email_texts, mail, notices
from core.services.teams import sign_ups
from core.services.webhooks import alerts as webhook_alerts

log = structlog.get_logger(__name__)


def recalculate_seats(user_id: int | None) -> int:
    """Count the used places of all seats again and notify this user (None: nobody)."""
    starters = User.objects.filter(pk=user_id)
    try:
        changed = seats.recalculate()
    except Exception:
        log.exception("Recalculate Seats, started by user %s", user_id)
        notices.tell(
            starters, "Recalculate Seats failed; no count was changed. Try again.", level=Notice.Level.ERROR
        )
        raise
    seat_list = reverse("admin:core_seat_changelist")
    notices.tell(starters, f"Seats recalculated: {_corrected(changed)}.", url=seat_list)
    return changed


def send_seat_alert(user_id: int, seat_ids: list[int]) -> str:
    """Send the e-mail about seats that became full. Failures are only logged: the person has the notice."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    problem = alerts.send(user, seat_ids) if user else ""
    if problem:
        log.error("Alert about %s seats to user %s: %s", len(seat_ids), user_id, problem)
    return problem


def send_webhook_alert(endpoint_id: int, user_id: int) -> str:
    """Send the e-mail about a webhook that was switched off. Failures are only logged: the person has the
    notice."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id, active=False).first()
    problem = webhook_alerts.send(user, endpoint) if user and endpoint else ""
    if problem:
        log.error("Alert about webhook %s to user %s: %s", endpoint_id, user_id, problem)
    return problem


def send_payment_alert(event_id: int, user_id: int) -> str:
    """Send the e-mail about a payment that was not carried out. Failures are only logged: the person has the
    notice."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    event = StripeEvent.objects.filter(pk=event_id, status=StripeEvent.Status.FAILED).first()
    problem = payment_alerts.send(user, event) if user and event else ""
    if problem:
        log.error("Alert about payment %s to user %s: %s", event_id, user_id, problem)
    return problem


def _corrected(changed: int) -> str:
    if changed == 0:
        return "every count was right"
    return "one count was corrected" if changed == 1 else f"{changed} counts were corrected"


def send_welcome(user_id: int, asked_by: int | None) -> str:
    """Send the welcome mail for a new account; notify whoever made the account when that fails."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return _tell_of_failure(asked_by, user, welcome_mail.send(user)) if user else ""


def send_invitation(invitation_id: int, asked_by: int | None = None) -> str:
    """Send the mail with the link to accept or decline; notify whoever asked for it when that fails. Tasks of
    older versions name nobody: then the inviter."""
    rows = Invitation.objects.select_related("user", "team", "role", "invited_by")
    invitation = rows.filter(pk=invitation_id, user__is_active=True).first()
    problem = invitations.send_mail(invitation) if invitation else ""
    if problem and invitation is not None:
        page = invitations.page_of(invitation.team)
        text = f"{invitation.address}: {problem}"
        readers = User.objects.filter(pk=asked_by or invitation.invited_by_id)
        notices.tell(readers, text, level=Notice.Level.ERROR, url=page)
    return problem


def send_sign_up_mail(sign_up_id: int) -> str:
    """Send the mail to somebody who asked to join by a sign-up link. Failures are only logged: whoever asked
    is not signed in."""
    rows = SignUp.objects.select_related("link__team", "link__role")
    sign_up = rows.filter(pk=sign_up_id, joined_at__isnull=True).first()
    problem = sign_ups.send_mail(sign_up) if sign_up else ""
    if problem:
        log.error("A sign-up: %s", problem)
    return problem


def send_password_reset(user_id: int, asked_by: int | None) -> str:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return _tell_of_failure(asked_by, user, account_mail.send_password_reset(user)) if user else ""


def send_sign_in_link(user_id: int, asked_by: int | None) -> str:
    """Send a link to sign in; notify whoever asked for it when that fails."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return _tell_of_failure(asked_by, user, sign_in_links.send(user)) if user else ""


def send_asked_sign_in_link(email: str, next_page: str) -> str:
    """Send a link to sign in, if an account has this address. Failures are only logged: the person who asked
    is not signed in."""
    if problem := sign_in_links.send_to_address(email, next_page):
        log.error("A link to sign in: %s", problem)
    return problem


def send_test_email(name: str, user_id: int, subject: str, body: str) -> str:
    """Send a user the text of an e-mail with example values, and tell them how it went."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or name not in KINDS:
        return ""
    shown, text = email_texts.example(name, subject, body)
    problem = mail.deliver(user.email, f"[Test] {shown}", text, what="test e-mail")
    said = problem or f"The test e-mail was sent to {user.email}."
    notices.tell([user], said, level=Notice.Level.ERROR if problem else Notice.Level.SUCCESS)
    return problem


def send_email_change_link(change_id: int) -> str:
    """Send the confirmation link to the new address, if the change is still pending; notify whoever asked for
    it when that fails."""
    change = _waiting_change(change_id)
    if change is None:
        return ""
    return _tell_of_failure(change.asked_by_id, change.user, account_mail.send_email_change_link(change))


def warn_old_address(change_id: int) -> str:
    """Tell the present address, once, that somebody asked to change it."""
    change = _waiting_change(change_id)
    mine = EmailChange.objects.filter(pk=change_id, warned_at=None)
    if change is None or not mine.update(warned_at=timezone.now()):
        return ""
    return _tell_of_failure(change.asked_by_id, change.user, account_mail.warn_old_address(change))


def _waiting_change(change_id: int) -> EmailChange | None:
    changes = EmailChange.objects.select_related("user", "asked_by").filter(state=EmailChange.State.PENDING)
    return changes.filter(pk=change_id, user__is_active=True).first()


def tell_old_addresses(change_ids: list[int]) -> int:
    """Tell old addresses, each once, that they are no longer logins. Returns how many mails were sent. People
    who cannot use the dashboard (no team and no rights, or switched off) get none."""
    changes = EmailChange.objects.select_related("user", "asked_by").filter(pk__in=change_ids)
    users = access.may_use_the_dashboard(User.objects.all()).values("pk")
    sent, over = 0, get_connection()
    try:
        for change in changes.filter(told_at=None, user__in=users).order_by("pk"):
            sent += _tell_old_address(change, over)
    finally:
        over.close()
    return sent


def _tell_old_address(change: EmailChange, over: BaseEmailBackend) -> bool:
    # Marked as told before the mail is sent, so that a task that runs twice sends one mail.
    claimed = EmailChange.objects.filter(pk=change.pk)
    if not claimed.filter(told_at=None).update(told_at=timezone.now()):
        return False
    problem = ""
    try:
        over.open()  # does nothing where it is open
        problem = account_mail.tell_old_address(change, over=over)
    except (SMTPException, OSError) as error:
        problem = f"The mail server cannot be reached: {type(error).__name__}"
    if problem:
        claimed.update(told_at=None)
        with suppress(SMTPException, OSError):
            over.close()  # it may be broken; the next mail opens a new connection
        # The mail server's answer is not logged: it contains the address.
        log.warning("The old address of user %s was not told of the new one", change.user_id)
        _tell_of_failure(change.asked_by_id, change.user, problem)
    return not problem


def send_forgotten_password(email: str) -> str:
    """Send a link to reset the password, if an account has this address. Failures are only logged: the person
    who asked is not signed in."""
    if problem := account_mail.send_to_address(email):
        log.error("A forgotten password: %s", problem)
    return problem


def _tell_of_failure(asked_by: int | None, user: User, problem: str) -> str:
    if problem:
        page = reverse("admin:core_user_change", args=[user.pk])
        starters = User.objects.filter(pk=asked_by)
        notices.tell(starters, f"{user}: {problem}", level=Notice.Level.ERROR, url=page)
    return problem
