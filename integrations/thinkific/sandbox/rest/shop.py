"""Instructors, categories, promotions with their coupons, and reviews. Only categories can be changed."""

from collections.abc import Iterable
from typing import Any

from integrations.thinkific.sandbox.rest.catalog import is_shown
from integrations.thinkific.sandbox.rest.context import Context, created, no_content
from integrations.thinkific.sandbox.rest.filters import FALSE, TRUE
from integrations.thinkific.sandbox.site.table import Table
from integrations.thinkific.sandbox.web.http import Response
from integrations.thinkific.sandbox.web.problems import malformed, not_found

Wire = dict[str, Any]


def list_instructors(context: Context) -> Response:
    return _page(context, context.site.instructors)


def show_instructor(context: Context) -> Response:
    return Response.of(200, _one(context, context.site.instructors))


def list_collections(context: Context) -> Response:
    return _page(context, (_collection(context, row) for row in context.site.collections))


def show_collection(context: Context) -> Response:
    return Response.of(200, _collection(context, _one(context, context.site.collections)))


def list_collection_products(context: Context) -> Response:
    return _page(context, _products(context, _one(context, context.site.collections)))


def add_to_collection(context: Context) -> Response:
    context.site.write("add_to_collection", **_membership(context))
    return created()


def remove_from_collection(context: Context) -> Response:
    context.site.write("remove_from_collection", **_membership(context))
    return no_content()


def list_promotions(context: Context) -> Response:
    return _page(context, context.site.promotions)


def show_promotion(context: Context) -> Response:
    return Response.of(200, _one(context, context.site.promotions))


def find_promotion(context: Context) -> Response:
    product_id, code = _required(context, "product_id"), _required(context, "coupon_code")
    for coupon in context.site.coupons:
        promotion = context.site.promotions.get(coupon["promotion_id"])
        if coupon["code"] == code and promotion and product_id in map(str, promotion["product_ids"]):
            return Response.of(200, promotion)
    raise not_found()


def list_coupons(context: Context) -> Response:
    promotion_id = _required(context, "promotion_id")
    return _page(context, (c for c in context.site.coupons if str(c["promotion_id"]) == promotion_id))


def show_coupon(context: Context) -> Response:
    return Response.of(200, _one(context, context.site.coupons))


def list_reviews(context: Context) -> Response:
    course_id = _required(context, "course_id")
    approved = context.request.query.get("approved", "").lower()
    rows = [r for r in context.site.reviews if str(r["course_id"]) == course_id]
    if approved in TRUE | FALSE:
        rows = [r for r in rows if r["approved"] is (approved in TRUE)]
    return _page(context, rows)


def show_review(context: Context) -> Response:
    return Response.of(200, _one(context, context.site.reviews))


def _page(context: Context, rows: Iterable[Wire]) -> Response:
    return context.page_of(list(rows), context.site.render.wires_encoded)


def _one(context: Context, table: Table[Wire]) -> Wire:
    row = table.get(context.id())
    if row is None:
        raise not_found()
    return row


def _products(context: Context, collection: Wire) -> list[Wire]:
    """Returns the products of a category that REST shows."""
    found = (context.site.products.get(product_id) for product_id in collection["product_ids"])
    return [product for product in found if product and is_shown(context, product)]


def _collection(context: Context, collection: Wire) -> Wire:
    return collection | {"product_ids": [product["id"] for product in _products(context, collection)]}


def _membership(context: Context) -> Wire:
    product_ids = context.body().get("product_ids")
    if not isinstance(product_ids, list):
        raise malformed("Parameter product_ids is required.")
    return {"collection_id": _one(context, context.site.collections)["id"], "product_ids": product_ids}


def _required(context: Context, name: str) -> str:
    """Returns a required parameter. These lists have plain parameters instead of `query[...]`."""
    value = context.request.query.get(name)
    if not value:
        raise malformed(f"Parameter {name} is required.")
    return value
