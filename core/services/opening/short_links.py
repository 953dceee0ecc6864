"""Short links of teams and products: making, revoking and following them."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string

from core.errors import Refusal
from core.folding import tidy_name
from core.models import Membership, Product, ShortLink, Team, User
from core.models.opening.short_links import CODE_LENGTH, NOTE_LENGTH
from core.permissions import scope
from core.services.accounts import allowances
from core.services.history import signed
from core.services.opening import opening

# Without characters that look alike, as people type codes from paper.
CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"
NEEDED = "teams.assign"
MOST = 50  # links of one team or product that work at a time
WRONG_CODES = 30  # that a person may try in an hour


class TooManyTries(Refusal):
    status = 429


def may_make(viewer: User, target: Team | Product) -> bool:
    """Whether the viewer may make and revoke links of a team or a product. A product belongs to no team, so
    its links are for those who may in all teams."""
    if isinstance(target, Team):
        return scope.holds_in(viewer, NEEDED, target)
    return NEEDED in scope.codes_everywhere(viewer)


@transaction.atomic
def make(*, team: Team | None = None, product: Product | None = None, label: str = "", by: User) -> ShortLink:
    """Make a link of a team or of a product. Raises Refusal."""
    target = team or product
    assert target is not None
    if isinstance(target, Team) and target.archived_at is not None:
        raise Refusal(f"{target} is archived. Restore the team first.")
    if not may_make(by, target):
        raise Refusal(f"You cannot make a short link of {target}. Ask an administrator.")
    if isinstance(target, Product) and target.removed_at is not None:
        raise Refusal(f"{target} was removed in Thinkific, so a link to it would lead nowhere.")
    label = tidy_name(label)
    if len(label) > NOTE_LENGTH:
        raise Refusal(f"The note has {len(label)} characters; {NOTE_LENGTH} is the most.")
    if target.short_links.working().count() >= MOST:
        raise Refusal(f"{target} has {MOST} short links that work. Revoke one that is not used any more.")
    code = get_random_string(CODE_LENGTH, CHARACTERS)
    link = ShortLink(code=code, team=team, product=product, label=label, made_by=by)
    signed(link, by=by, reason="short link made").save()
    return link


@transaction.atomic
def revoke(link: ShortLink, *, by: User) -> ShortLink:
    """End a link for good."""
    link = ShortLink.objects.select_for_update(of=("self",)).get(pk=link.pk)
    if link.revoked_at is None:
        link.revoked_at = timezone.now()
        signed(link, by=by, reason="revoked").save(update_fields=["revoked_at"])
    return link


def address_of(link: ShortLink) -> str:
    return f"{settings.SITE_URL}{reverse('short_link', args=[link.code])}"


def find(code: str, *, user: User) -> ShortLink | None:
    """Returns the link; None where none works. Raises TooManyTries after WRONG_CODES in an hour."""
    rows = ShortLink.objects.working().select_related("team", "product")
    typed = code.replace("\0", " ").lower()[: CODE_LENGTH + 1]  # PostgreSQL compares with no NUL
    link = rows.filter(code=typed, team__archived_at__isnull=True).first()
    if link is None or (link.product is not None and link.product.removed_at is not None):
        hour = timedelta(hours=1)
        if allowances.take("wrong short link of", str(user.pk), limit=WRONG_CODES, window=hour):
            raise TooManyTries("You have tried many links that do not work. Try again in an hour.")
        return None
    return link


def may_follow(user: User, link: ShortLink) -> bool:
    """Whether the person has the right to what the link leads to: is in the team or sees it, or is enrolled
    in the product or sees it."""
    if link.product is not None:
        return opening.may_reach(user, link.product)
    assert link.team_id is not None
    if Membership.objects.filter(team=link.team_id, user=user).exists():
        return True
    return Team.objects.visible_to(user).filter(pk=link.team_id).exists()


def products_of(link: ShortLink, user: User) -> QuerySet[Product]:
    """Returns the products that the link leads this person to: its own, or those of the team that they are
    enrolled in, or see here."""
    products = Product.objects.filter(removed_at__isnull=True)
    if link.product_id is not None:
        return products.filter(pk=link.product_id)
    of_team = products.filter(seat_assignments__team=link.team_id)
    if not user.sees_everything:
        enrolled = user.enrollments.filter(removed_at__isnull=True).values("product")
        managed = Product.objects.filter(seat_assignments__team__in=user.managed_teams().current())
        either = Product.objects.filter(pk__in=enrolled).order_by().values("pk")
        of_team = of_team.filter(pk__in=either.union(managed.order_by().values("pk")))
    return of_team.distinct().defer("description").order_by("name", "id")
