"""URLs of objects in Thinkific itself."""

from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString

from core.admin.kit import cells, open_pages
from core.models import Product, ThinkificGroup, User
from core.services.site import connection

THINKIFIC = "https://api.thinkific.com"


def site() -> str:
    """Returns the address of the Thinkific site; empty when there is none, for example with the stand-in."""
    name = connection.subdomain() if settings.THINKIFIC_API_URL == THINKIFIC else ""
    return f"https://{name}.thinkific.com" if name else ""


def admin_page(row: Any) -> str:
    """Returns the object's page in Thinkific's admin; empty when it has none or was removed there, and for
    team managers, who have no account in that admin."""
    if not site() or row.removed_at is not None or not open_pages.viewer_sees_everything():
        return ""
    if isinstance(row, Product):
        kind = "bundles" if row.is_bundle else "courses"
        return f"{site()}/manage/{kind}/{row.productable_id}"
    if isinstance(row, User | ThinkificGroup) and row.thinkific_id:
        return f"{site()}/manage/{'users' if isinstance(row, User) else 'groups'}/{row.thinkific_id}"
    return ""


def id_cell(row: Any) -> SafeString:
    """Returns the cell with the Thinkific ID, linked to that page."""
    return cells.thinkific_id(row.thinkific_id, admin_page(row))


def course_page(product: Product) -> str:
    """Returns the public page of a product; empty when its address is not known."""
    if not site() or not product.slug or product.removed_at is not None:
        return ""
    return f"{site()}/{'bundles' if product.is_bundle else 'courses'}/{product.slug}"


def learning_page(product: Product) -> str:
    """Returns the page where an enrolled student learns; empty when its address is not known."""
    return course_page(product).replace("/courses/", "/courses/take/")
