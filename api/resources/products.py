"""Products as the API shows them, and how a call names one."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Prefetch
from ninja import Schema

from api.answers import moment
from api.errors import Invalid
from core.models import BundleItem, Product, User
from core.wording import listed


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


def represent(products: Iterable[Product]) -> list[dict[str, Any]]:
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
        for product in products
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
    """Returns the products with these productable ids, in their order and each once.

    Raises Invalid for a number that no product has which the viewer sees, and for one that is both a course
    and a bundle while `product_type` (Course or Bundle) does not say which is meant.
    """
    wanted = list(dict.fromkeys(numbers))
    rows = Product.objects.visible_to(viewer).filter(removed_at__isnull=True, productable_id__in=wanted)
    found: dict[int, list[Product]] = {}
    for product in rows.order_by("productable_type", "pk"):
        if product_type in (None, product.productable_type):
            found.setdefault(product.productable_id, []).append(product)
    if missing := [str(number) for number in wanted if number not in found]:
        what = "no course or bundle" if product_type is None else f"no {product_type.lower()}"
        raise Invalid(
            **{field: f"There is {what} with the productable id {listed(missing)}. Use products/search."}
        )
    if both := [number for number in wanted if len(found[number]) > 1]:
        bundle, course = found[both[0]]
        said = f"{both[0]} is both a course ({course}) and a bundle ({bundle})."
        raise Invalid(**{field: f"{said} Say which is meant with product_type: Course or Bundle."})
    return [found[number][0] for number in wanted]
