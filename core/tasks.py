"""Entry points for the worker. Each tells who started it how it ended."""

import logging

from django.urls import reverse

from core.models import Invitation, Notice, User
from core.services import account_mail, invitations, notices, seats, welcome

log = logging.getLogger(__name__)


def recalculate_seats(user_id: int | None) -> int:
    """Count the places of all seats again, for the person of that id (None: nobody is told)."""
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


def _corrected(changed: int) -> str:
    if changed == 0:
        return "every count was right"
    return "one count was corrected" if changed == 1 else f"{changed} counts were corrected"


def send_welcome(user_id: int, asked_by: int | None) -> str:
    """Send somebody the mail about their new account; who made it hears when that fails."""
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return _tell_of_failure(asked_by, user, welcome.send(user)) if user else ""


def send_invitation(invitation_id: int) -> str:
    """Send the mail by which an invited person answers. Whoever asked hears when that fails."""
    rows = Invitation.objects.select_related("user", "team", "role", "invited_by")
    invitation = rows.filter(pk=invitation_id, user__is_active=True).first()
    problem = invitations.send_mail(invitation) if invitation else ""
    if problem and invitation is not None and invitation.invited_by is not None:
        page = account_mail.team_page(invitation.team)
        text = f"{invitation.address}: {problem}"
        notices.tell([invitation.invited_by], text, level=Notice.Level.ERROR, url=page)
    return problem


def send_password_reset(user_id: int, asked_by: int | None) -> str:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    return _tell_of_failure(asked_by, user, account_mail.send_password_reset(user)) if user else ""


def _tell_of_failure(asked_by: int | None, user: User, problem: str) -> str:
    if problem:
        page = reverse("admin:core_user_change", args=[user.pk])
        starters = User.objects.filter(pk=asked_by)
        notices.tell(starters, f"{user}: {problem}", level=Notice.Level.ERROR, url=page)
    return problem
