"""A product inside another object."""

from typing import Any

from ninja import Schema

from core.models import Product


class NamedProduct(Schema):
    id: int
    productable_id: int
    productable_type: str
    name: str


EXAMPLE = {"id": 12, "productable_id": 1379051, "productable_type": "Course", "name": "Forklift Safety"}


def named(product: Product) -> dict[str, Any]:
    return {
        "id": product.pk,
        "productable_id": product.productable_id,
        "productable_type": product.productable_type,
        "name": product.name,
    }
