"""Where a thing is found in Thinkific itself."""

from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString

from core.admin.kit import cells, open_pages
from core.models import Product, ThinkificGroup, User

THINKIFIC = "https://api.thinkific.com"


def site() -> str:
    """The address of the site; empty where there is none, as with the local stand-in."""
    name = settings.THINKIFIC_SUBDOMAIN
    return f"https://{name}.thinkific.com" if name and settings.THINKIFIC_API_URL == THINKIFIC else ""


def admin_page(row: Any) -> str:
    """The page in Thinkific's own admin; empty for what has none or is gone, and for people of customers,
    who have no account there."""
    if not site() or row.removed_at is not None or not open_pages.viewer_sees_everything():
        return ""
    if isinstance(row, Product):
        kind = "bundles" if row.is_bundle else "courses"
        return f"{site()}/manage/{kind}/{row.productable_id}"
    if isinstance(row, User | ThinkificGroup) and row.thinkific_id:
        return f"{site()}/manage/{'users' if isinstance(row, User) else 'groups'}/{row.thinkific_id}"
    return ""


def id_cell(row: Any) -> SafeString:
    """Its Thinkific ID, which leads to that page."""
    return cells.thinkific_id(row.thinkific_id, admin_page(row))


def course_page(product: Product) -> str:
    """What everybody sees of it, also who does not learn there; empty where its address is not known."""
    if not site() or not product.slug or product.removed_at is not None:
        return ""
    return f"{site()}/{'bundles' if product.is_bundle else 'courses'}/{product.slug}"


def learning_page(product: Product) -> str:
    """Where a student of it learns; empty where Thinkific has not told its address."""
    return course_page(product).replace("/courses/", "/courses/take/")
