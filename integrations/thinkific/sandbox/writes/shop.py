"""Changing the products of a category, and reviewing assignments."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


def add_to_collection(site: "Site", *, collection_id: int, product_ids: list[int]) -> None:
    collection = site.collections[collection_id]
    for product_id in product_ids:
        product = site.products.get(product_id)
        if product and product_id not in collection["product_ids"]:
            collection["product_ids"].append(product_id)
            product["collection_ids"].append(collection_id)


def remove_from_collection(site: "Site", *, collection_id: int, product_ids: list[int]) -> None:
    collection = site.collections[collection_id]
    for product_id in product_ids:
        if product_id in collection["product_ids"]:
            collection["product_ids"].remove(product_id)
            site.products[product_id]["collection_ids"].remove(collection_id)


def review_assignment(site: "Site", *, submission_id: int, status: str) -> None:
    site.reviewed_assignments[submission_id] = (status, site.clock.now())
