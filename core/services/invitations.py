"""Invitations of people whose account the team cannot see. They join the team when they accept.

Anybody can type any e-mail address. So typing one must not show anything about the account with this address,
and must not change it. The person accepts by the link in a mail; an administrator may accept for them.
"""

from datetime import timedelta

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django_q.tasks import async_task

from core.errors import Refusal
from core.models import Invitation, Membership, Role, Team, User
from core.permissions import scope
from core.services import groups, memberships, webhooks
from core.services.history import signed
from core.services.site import link_addresses, mail, notices

MAIL_TASK = "core.tasks.send_invitation"
LINK_WORKS_FOR = timedelta(days=14)
MAILS_A_DAY = 3  # to one person about one team
DECLINED_FOR = timedelta(days=30)  # after declining, the team cannot invite the person again for this time

INVITED, SENT_AGAIN = "invited", "invitation sent again"
ACCEPTED, DECLINED, WITHDRAWN = "invitation accepted", "invitation declined", "invitation withdrawn"


@transaction.atomic
def invite(
    *, team: Team, user: User, role: Role, address: str, by: User, with_mail: bool = True
) -> Invitation:
    """Invite a user to a team; a mail with a link goes to the address of the user's account. Without it the
    invitation waits on the team's page, until somebody sends it from there.

    Raises Refusal when the team is archived or full, when the person declined recently, is invited already,
    or got MAILS_A_DAY mails about this team today. The texts do not show whose account it is.
    """
    team = Team.objects.select_for_update(of=("self",)).get(pk=team.pk)
    memberships.check_takes(team, role)
    _check_limits(team, user, address)
    invitation = Invitation.objects.filter(team=team, user=user).first()
    if invitation is not None:
        raise Refusal(f"{address} is invited to {team} already. Send the invitation again from its page.")
    return _open(team, user, role, address, by, with_mail=with_mail)


@transaction.atomic
def replace_membership(membership: Membership, *, by: User, reason: str) -> Invitation | None:
    """End a membership that the person did not agree to, and invite the person instead. Additions to the
    team's groups that were not sent to Thinkific yet are not sent. Returns None for the team's owner, who
    stays."""
    team, user = membership.team, membership.user
    if team.owner_id == user.pk:
        return None
    webhooks.emit("membership.deleted", [membership])
    signed(membership, by=by, reason=reason).delete()
    groups.drop_unsent_additions(team, user)
    return _open(team, user, membership.role, user.email, by)


def _open(
    team: Team, user: User, role: Role, address: str, by: User, *, with_mail: bool = True
) -> Invitation:
    invitation = Invitation(team=team, user=user, role=role, address=address, invited_by=by)
    signed(invitation, by=by, reason=INVITED).save()
    if with_mail:
        _ask_for_mail(invitation, by)
    return invitation


@transaction.atomic
def send_again(invitation: Invitation, *, by: User) -> None:
    """Send a new link; older ones no longer work. Raises Refusal after MAILS_A_DAY mails in a day."""
    invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    _check_limits(invitation.team, invitation.user, invitation.address)
    invitation.sent_at = timezone.now()
    signed(invitation, by=by, reason=SENT_AGAIN).save(update_fields=["sent_at"])
    _ask_for_mail(invitation, by)


@transaction.atomic
def withdraw(invitation: Invitation, *, by: User) -> None:
    signed(invitation, by=by, reason=WITHDRAWN).delete()


@transaction.atomic
def accept(invitation: Invitation, *, by: User) -> Membership:
    """Make the invited person a member. `by` is the person, or an administrator who accepts for them.

    Raises Refusal, and changes nothing, when the invitation was answered or withdrawn, the team is full or
    archived, or the inviter has no right to invite any more.
    """
    found = Invitation.objects.select_for_update(of=("self",)).filter(pk=invitation.pk).first()
    if found is None:
        raise Refusal("This invitation is over: it was answered or withdrawn already.")
    if why := why_void(found):
        raise Refusal(why)
    team, user, asked_by = found.team, found.user, found.invited_by
    signed(found, by=by, reason=ACCEPTED).delete()
    there = Membership.objects.filter(team=team, user=user).first()
    membership = there or memberships.add_member(
        team=team, user=user, role=found.role, by=by, reason=ACCEPTED, as_guest=True
    )
    if asked_by is not None:
        notices.tell([asked_by], f"{found.address} has joined {team}.", url=page_of(team))
    return membership


@transaction.atomic
def decline(invitation: Invitation) -> None:
    """Decline the invitation and tell the inviter. The team may invite the person again after
    DECLINED_FOR."""
    found = Invitation.objects.select_for_update(of=("self",)).filter(pk=invitation.pk).first()
    if found is None:
        return
    team, asked_by = found.team, found.invited_by
    signed(found, by=found.user, reason=DECLINED).delete()
    if asked_by is not None:
        text = f"{found.address} declined the invitation to {team}."
        notices.tell([asked_by], text, level="warning", url=page_of(team))


def why_void(invitation: Invitation) -> str:
    """Returns why this invitation cannot be accepted now; empty when it can."""
    team, asked_by = invitation.team, invitation.invited_by
    if team.archived_at is not None:
        return f"{team} is archived and takes no members."
    still = asked_by is not None and asked_by.is_active
    if asked_by is None or not (still and scope.teams_where(asked_by, "teams.assign").filter(pk=team.pk)):
        return f"Whoever invited you to {team} no longer manages it. Ask {team} for a new invitation."
    if not scope.roles_to_give(asked_by, team).filter(pk=invitation.role_id).exists():
        return f"The role {invitation.role} can no longer be given in {team}. Ask for a new invitation."
    return ""


def page_of(team: Team) -> str:
    """Returns the path of the tab with a team's members and invitations."""
    return f"{reverse('admin:core_team_change', args=[team.pk])}?tab=users"


def _ask_for_mail(invitation: Invitation, by: User) -> None:
    keys, reader = [invitation.pk], notices.waiting(by)
    # The inviter is not named: workers of an older version, which run while an upgrade rolls, take one key.
    if reader is not None and reader != invitation.invited_by_id:
        keys.append(reader)
    transaction.on_commit(lambda: async_task(MAIL_TASK, *keys, save=False))


# --- the mail and its link ---------------------------------------------------------------------------


def send_mail(invitation: Invitation) -> str:
    """Send the invited person the link to accept or decline. Returns an error text; empty on success."""
    user = invitation.user
    path = address_of(invitation)
    inviter = invitation.invited_by
    values = {
        "invited_by": f"{inviter.get_full_name()} ({inviter.email})" if inviter is not None else "Somebody",
        "team": invitation.team,
        "role": invitation.role,
        "link": f"{settings.SITE_URL}{path}",
        "days": LINK_WORKS_FOR.days,
    }
    return mail.send(user.email, "invitation", mail.about(user) | values, what="invitation")


def make_token(invitation: Invitation) -> str:
    """Returns the secret part of the link. It becomes invalid when the invitation is answered, withdrawn or
    sent again, when the person's address changes or the account is switched off, and after LINK_WORKS_FOR."""
    return _signer(invitation).sign(str(invitation.pk)).partition(":")[2]


def address_of(invitation: Invitation) -> str:
    """Returns the path of the link. It is secret."""
    return link_addresses.address("invitation", invitation.pk, make_token(invitation))


def find(uidb64: str, token: str) -> Invitation | None:
    """Returns the open invitation of a link; None when the link does not work (any more)."""
    rows = Invitation.objects.select_related("team", "user", "role", "invited_by")
    invitation = rows.filter(pk=link_addresses.key_of(uidb64), user__is_active=True).first()
    if invitation is None:
        return None
    try:
        _signer(invitation).unsign(f"{invitation.pk}:{token}", max_age=LINK_WORKS_FOR)
    except BadSignature:
        return None
    return invitation


def _signer(invitation: Invitation) -> TimestampSigner:
    state = f"{invitation.user_id}:{invitation.user.email}:{invitation.sent_at.isoformat()}"
    return TimestampSigner(salt=f"core.invitation:{state}")


def _check_limits(team: Team, user: User, address: str) -> None:
    rows = Invitation.history.filter(team_id=team.pk, user_id=user.pk)
    now = timezone.now()
    lately = rows.filter(history_change_reason=DECLINED, history_date__gt=now - DECLINED_FOR)
    if lately.exists():
        raise Refusal(
            f"{address} declined an invitation to {team} less than {DECLINED_FOR.days} days ago. An "
            "administrator can add them."
        )
    mails = rows.filter(history_change_reason__in=[INVITED, SENT_AGAIN])
    if mails.filter(history_date__gt=now - timedelta(days=1)).count() >= MAILS_A_DAY:
        raise Refusal(
            f"{address} got {MAILS_A_DAY} mails about {team} today. Wait a day before sending another."
        )
