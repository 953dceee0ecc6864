"""Products as the API shows them, and how a call names one."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Prefetch
from ninja import Schema

from api.answers import moment
from api.errors import Invalid
from core.models import BundleItem, Product, User
from core.services.api import products


class CourseOfBundle(Schema):
    id: int
    productable_id: int
    name: str


class ProductOut(Schema):
    id: int
    name: str
    thinkific_id: int | None
    productable_id: int
    productable_type: str
    status: str
    price: str | None
    currency: str
    hidden: bool
    private: bool
    courses: list[CourseOfBundle]
    created_at: str
    updated_at: str | None


EXAMPLE = {
    "id": 12,
    "name": "Forklift Safety",
    "thinkific_id": 1802244,
    "productable_id": 1379051,
    "productable_type": "Course",
    "status": "published",
    "price": "49.00",
    "currency": "USD",
    "hidden": False,
    "private": False,
    "courses": [],
    "created_at": "2026-01-05T09:00:00Z",
    "updated_at": "2026-01-05T09:00:00Z",
}


def represent(rows: Iterable[Product]) -> list[dict[str, Any]]:
    """Returns products as the API shows them; `of` has fetched what this needs."""
    return [
        {
            "id": product.pk,
            "name": product.name,
            "thinkific_id": product.thinkific_id,
            "productable_id": product.productable_id,
            "productable_type": product.productable_type,
            "status": product.status,
            "price": None if product.price is None else f"{product.price:.2f}",
            "currency": product.currency,
            "hidden": product.hidden,
            "private": product.private,
            "courses": [
                {"id": item.course_id, "productable_id": item.course.productable_id, "name": item.course.name}
                for item in product.shown_items  # type: ignore[attr-defined]
            ],
            "created_at": moment(product.thinkific_created_at or product.created_at),
            "updated_at": moment(product.synced_at),
        }
        for product in rows
    ]


def of(viewer: User) -> Any:
    """Returns the products that a viewer sees, with what `represent` needs: drafts and private ones too,
    without those that Thinkific no longer has."""
    items = (
        BundleItem.objects.filter(removed_at__isnull=True).select_related("course").order_by("position", "pk")
    )
    rows = Product.objects.visible_to(viewer).filter(removed_at__isnull=True).defer("description")
    return rows.prefetch_related(Prefetch("bundle_items", items, to_attr="shown_items"))


def chosen(
    viewer: User, numbers: Iterable[int], *, field: str, product_type: str | None = None
) -> list[Product]:
    """`products.chosen` of core. Raises Invalid with the field that the number stands in."""
    try:
        return products.chosen(viewer, numbers, product_type=product_type)
    except products.NoSuchProduct as refusal:
        raise Invalid(**{field: str(refusal)}) from None
