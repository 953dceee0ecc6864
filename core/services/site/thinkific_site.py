"""Addresses of pages of the connected Thinkific site, where people learn."""

from urllib.parse import quote, urlsplit

from django.conf import settings

from core.models import Product
from core.services.site import connection

THINKIFIC = "https://api.thinkific.com"
HOME = "/enrollments"  # a student's own courses
SIGN_IN = "/users/sign_in"
TOKENS = "/api/sso/v2/sso/jwt"  # where a signed token signs somebody in


def address() -> str:
    """Returns the address of the site, without a path; empty while none is connected. The stand-in answers
    for the site at the address where it answers requests."""
    name = connection.subdomain()
    if not name or not connection.secret(connection.Name.API_KEY).value:
        return ""
    if settings.THINKIFIC_API_URL == THINKIFIC:
        return f"https://{name}.thinkific.com"
    return str(settings.THINKIFIC_API_URL)


def path_of(product: Product, *, learning: bool = False) -> str:
    """Returns the path of a product's page; empty where it is not known. `learning`: the page of a course on
    which an enrolled student learns."""
    if not product.slug or product.removed_at is not None:
        return ""
    kind = "bundles" if product.is_bundle else "courses/take" if learning else "courses"
    return f"/{kind}/{quote(product.slug, safe='')}"


def is_inside(url: str) -> bool:
    """Whether an address is one of the connected site. What a browser could take for another one is not."""
    site = address()
    if not site or any(sign in url for sign in "\\\t\r\n"):
        return False
    ours, given = urlsplit(site), urlsplit(url)
    return (given.scheme, given.netloc) == (ours.scheme, ours.netloc) and given.path.startswith("/")
