"""Sign-up links of teams: making and revoking them, their addresses, and whether they work."""

from datetime import datetime, timedelta

from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from core.errors import Refusal
from core.folding import tidy_name
from core.models import Role, SignUpLink, SiteSettings, Team, User
from core.models.sign_up import LABEL_LENGTH, MOST_USES
from core.permissions import scope
from core.services import memberships
from core.services.history import signed
from core.services.site import link_addresses

NEEDED = ("teams.assign", "users.create")  # what the person who makes a link must hold in the team
LONGEST = timedelta(days=366)

OPEN, FULL, EXPIRED, REVOKED, OFF, CLOSED = "open", "full", "expired", "revoked", "off", "closed"
SWITCHED_OFF = "Sign-up links are switched off in the settings, so nobody can join by one."


class BadEnd(Refusal):
    """The end of a link is over, or too far ahead."""


def may_make(viewer: User, team: Team) -> bool:
    """Whether the viewer may make links of this team while the settings allow it, and see their addresses."""
    return all(scope.holds_in(viewer, code, team) for code in NEEDED)


def registration_is_on() -> bool:
    return SiteSettings.load().registration_enabled


@transaction.atomic
def make(
    *, team: Team, role: Role, max_uses: int, expires_at: datetime, label: str = "", by: User
) -> SignUpLink:
    """Make a link. Raises Refusal when links are switched off, `by` may not give the role, the team is
    archived, or the end or the number of uses is not possible."""
    team = Team.objects.select_for_update(of=("self",)).get(pk=team.pk)
    if not registration_is_on():
        raise Refusal(SWITCHED_OFF)
    if team.archived_at is not None:
        raise Refusal(f"{team} is archived. Restore the team first.")
    if not may_make(by, team) or not scope.roles_to_give(by, team).filter(pk=role.pk).exists():
        raise Refusal(f"You cannot give the role {role} in {team} by a link. Choose another role.")
    if not 1 <= max_uses <= MOST_USES:
        raise Refusal(f"Enter a number of people from 1 to {MOST_USES:,}.")
    check_end(expires_at)
    label = tidy_name(label)
    if len(label) > LABEL_LENGTH:
        raise Refusal(f"The note has {len(label)} characters; {LABEL_LENGTH} is the most.")
    link = SignUpLink(team=team, role=role, max_uses=max_uses, expires_at=expires_at, label=label, made_by=by)
    signed(link, by=by, reason="sign-up link made").save()
    return link


def check_end(expires_at: datetime) -> None:
    """Raises BadEnd when a link cannot end at this time."""
    now = timezone.now()
    if expires_at <= now:
        raise BadEnd("This day is over. Choose today or a later day.")
    if expires_at > now + LONGEST:
        raise BadEnd("A link works for a year at most. Choose an earlier last day.")


@transaction.atomic
def revoke(link: SignUpLink, *, by: User) -> SignUpLink:
    """End a link for good. Who has joined by it stays; who has asked and not answered the mail yet cannot
    join by it any more."""
    link = SignUpLink.objects.select_for_update(of=("self",)).get(pk=link.pk)
    if link.revoked_at is None:
        link.revoked_at = timezone.now()
        signed(link, by=by, reason="revoked").save(update_fields=["revoked_at"])
    return link


def state(link: SignUpLink) -> str:
    """Returns OPEN, or why nobody can join by the link. CLOSED: all links are switched off."""
    own = own_state(link)
    return own if own in (REVOKED, OFF) or registration_is_on() else CLOSED


def own_state(link: SignUpLink) -> str:
    """Returns the state that the link has while sign-up links are switched on. OFF: the team is archived, or
    whoever made the link may not give its role there any more."""
    if link.revoked_at is not None:
        return REVOKED
    if link.team.archived_at is not None or not _still_allowed(link):
        return OFF
    if link.expires_at <= timezone.now():
        return EXPIRED
    return FULL if link.used_count >= link.max_uses else OPEN


def is_over(link: SignUpLink) -> str:
    """Returns why the link has ended for good, so that revoking it changes nothing; empty while it has not.
    A link that does not work for another reason may work again."""
    if link.revoked_at is not None:
        return "The link is revoked already."
    if link.expires_at <= timezone.now():
        return "The link has expired: its last day is over, and nobody can join by it."
    if link.used_count >= link.max_uses:
        return "The link is used up: as many people joined as it allows, and nobody else can."
    return ""


def not_over(links: QuerySet[SignUpLink]) -> QuerySet[SignUpLink]:
    """Returns the links that `is_over` says nothing about."""
    return links.filter(revoked_at=None, expires_at__gt=timezone.now(), used_count__lt=F("max_uses"))


def _still_allowed(link: SignUpLink) -> bool:
    """Whether whoever made the link may still bring people with its role into the team: as for invitations,
    a link has no more rights than that person. Found once for each object of that person, as a list shows
    many links of one."""
    maker = link.made_by
    if maker is None or not maker.is_active:
        return False
    known = maker.__dict__.setdefault("_may_bring", {})
    key = (link.team_id, link.role_id)
    if key not in known:
        roles = scope.roles_to_give(maker, link.team)
        known[key] = may_make(maker, link.team) and roles.filter(pk=link.role_id).exists()
    return bool(known[key])


def check_open(link: SignUpLink) -> None:
    """Raises Refusal when nobody can join by the link, and TeamIsFull when its team has no room."""
    if state(link) != OPEN:
        raise Refusal("This link no longer works.")
    memberships.check_takes(link.team, link.role)


# --- the address --------------------------------------------------------------------------------------


def address_of(link: SignUpLink) -> str:
    """Returns the path of the link. Whoever has it can ask to join."""
    return link_addresses.address("sign_up", link.pk, _signer(link).signature(str(link.pk)))


def find(uidb64: str, token: str) -> SignUpLink | None:
    """Returns the link of an address, in whatever state it is; None when nobody was given this address."""
    rows = SignUpLink.objects.select_related("team", "role", "made_by__global_role")
    link = rows.filter(pk=link_addresses.key_of(uidb64)).first()
    if link is None:
        return None
    try:
        _signer(link).unsign(f"{link.pk}:{token}")
    except BadSignature:
        return None
    return link


def _signer(link: SignUpLink) -> Signer:
    return Signer(salt=f"core.sign_up_link:{link.team_id}:{link.created_at.isoformat()}")
