"""Opening Thinkific: the address to send a person's browser to, signed in there where that is allowed."""

from datetime import datetime, timedelta
from urllib.parse import urlencode
from uuid import uuid4

import jwt
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from core import acting
from core.errors import Refusal
from core.models import Product, ShortLink, SiteSettings, ThinkificOpening, User
from core.models.opening.settings import LINK_TEXT
from core.services import people
from core.services.accounts import allowances
from core.services.opening import obstacles
from core.services.opening.obstacles import Obstacle
from core.services.site import connection, thinkific_site

log = structlog.get_logger(__name__)

VALID_FOR = timedelta(minutes=2)  # the browser uses the token at once
AN_HOUR = 60  # most openings of a person in an hour
OWN_ACCOUNT = "Nobody opens Thinkific in somebody else's name."
NOT_CONNECTED = "The dashboard is connected to no Thinkific site at the moment. Tell an administrator."


class NotNow(Refusal):
    """An obstacle that passes by itself within seconds."""

    status = 409


class NotTheirAccount(Refusal):
    """Somebody could become somebody else in Thinkific."""

    status = 403


class TooOften(Refusal):
    status = 429


def link_text() -> str:
    return SiteSettings.load().sso_link_text.strip() or LINK_TEXT


def is_on() -> bool:
    """Whether the settings allow to open Thinkific from here."""
    return SiteSettings.load().open_in_thinkific


def signs_in(user: User) -> bool:
    """Whether single sign-on is switched on, for the site and for this person, and a site is connected."""
    return user.sso_enabled and user.is_active and is_on() and bool(thinkific_site.address())


def is_offered(user: User) -> bool:
    """Whether the person gets a link that opens Thinkific: it works, or will in some seconds."""
    if acting.current() or not signs_in(user):
        return False
    found = obstacles.obstacle(user)
    return found is None or found.passes


def may_reach(user: User, product: Product) -> bool:
    """Whether the product's page may be named to this person: they are enrolled, or see it here."""
    if product.removed_at is not None:
        return False
    if user.enrollments.filter(product=product, removed_at__isnull=True).exists():
        return True
    if user.sees_everything:
        return True
    managed = user.managed_teams().current()
    return Product.objects.filter(pk=product.pk, seat_assignments__team__in=managed).exists()


def open_for(
    user: User, *, product: Product | None = None, link: ShortLink | None = None, ip_address: str = ""
) -> str:
    """Returns the address to which to send the browser of this person, who is signed in here.

    With single sign-on it contains a token that signs them in to Thinkific: it is for the redirect only, and
    never stored or logged. Without, it is the ordinary page. A person without an account in Thinkific gets
    one first, by the rules of all others (core/services/identity.py). Raises NotNow meanwhile, and Refusal
    when the person could become somebody else, opens it too often, or somebody acts as them.
    """
    acting.refuse(OWN_ACCOUNT)
    user = User.objects.get(pk=user.pk)
    if not user.is_active:
        raise Refusal("Your account is switched off. Ask an administrator of the dashboard.")
    site = thinkific_site.address()
    if not site:
        raise Refusal(NOT_CONNECTED)
    page = f"{site}{_path(user, product)}"
    if not thinkific_site.is_inside(page):
        raise Refusal("The address of this page in Thinkific is not usable. Tell an administrator.")
    if not signs_in(user):
        return page if product is not None else f"{site}{thinkific_site.SIGN_IN}"
    if obstacles.obstacle(user) is obstacles.NO_ACCOUNT and not obstacles.is_being_made(user):
        people.create_thinkific_account(user, by=user)
    return _signed_in(user, page, product, link, ip_address or None)


def _path(user: User, product: Product | None) -> str:
    if product is None:
        return thinkific_site.HOME
    learning = user.enrollments.filter(product=product).giving_access().exists()
    return thinkific_site.path_of(product, learning=learning) or thinkific_site.HOME


@transaction.atomic
def _signed_in(
    user: User, page: str, product: Product | None, link: ShortLink | None, ip_address: str | None
) -> str:
    # Locked, so that the address in the token is the one that was checked.
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
    if not signs_in(user):
        raise NotNow("Single sign-on was switched off for you just now. Try again.")
    if (found := obstacles.obstacle(user)) is not None:
        raise refusal_of(found)
    assert user.thinkific_id is not None  # else that is an obstacle
    if allowances.take("opening of Thinkific", str(user.pk), limit=AN_HOUR, window=timedelta(hours=1)):
        raise TooOften(f"You have opened Thinkific {AN_HOUR} times within an hour. Try again later.")
    ThinkificOpening.objects.create(
        user=user,
        ip_address=ip_address,
        email=user.email,
        thinkific_id=user.thinkific_id,
        page=page,
        product=product,
        short_link=link,
    )
    transaction.on_commit(lambda: log.info("User %s opened Thinkific", user.pk))
    failed = f"{settings.SITE_URL}{reverse('admin:thinkific_not_opened')}"
    asked = {"jwt": _token(user), "return_to": page, "error_url": failed}
    return f"{thinkific_site.address()}{thinkific_site.TOKENS}?{urlencode(asked)}"


def refusal_of(found: Obstacle) -> Refusal:
    return NotNow(found.said) if found.passes else NotTheirAccount(found.said)


def _token(user: User) -> str:
    now = timezone.now()
    return jwt.encode(
        {
            "email": user.email,
            "first_name": user.first_name or user.email.partition("@")[0],
            "last_name": user.last_name or SiteSettings.load().placeholder_last_name,
            "external_id": f"dashboard-{user.pk}",
            "iat": int(now.timestamp()),
            "exp": int((now + VALID_FOR).timestamp()),
            "jti": uuid4().hex,
        },
        connection.secret(connection.Name.API_KEY).value,
        algorithm="HS256",
    )


def over(kept_since: datetime) -> QuerySet[ThinkificOpening]:
    """Returns the rows that the daily pruning deletes."""
    return ThinkificOpening.objects.filter(opened_at__lt=kept_since)
