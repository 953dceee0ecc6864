"""Reading courses, products, bundles, orders and profile fields. REST cannot change them.

REST does not show courses of the newer builder, nor their products and chapters; only GraphQL does.
"""

from collections.abc import Iterable
from typing import Any

from integrations.thinkific.sandbox.rest.context import Context
from integrations.thinkific.sandbox.site.table import Table
from integrations.thinkific.sandbox.web.http import Response
from integrations.thinkific.sandbox.web.problems import not_found

Wire = dict[str, Any]


def list_courses(context: Context) -> Response:
    hidden = context.site.builder_courses
    return _page(context, (c for c in context.site.courses if c["id"] not in hidden))


def show_course(context: Context) -> Response:
    return Response.of(200, _course(context))


def list_chapters(context: Context) -> Response:
    course = _course(context)
    return _page(context, _of(context.site.chapters, course["chapter_ids"]))


def show_chapter(context: Context) -> Response:
    return Response.of(200, _chapter(context, context.id()))


def list_contents(context: Context) -> Response:
    chapter = _chapter(context, context.id())
    return _page(context, _of(context.site.contents, chapter["content_ids"]))


def show_content(context: Context) -> Response:
    content = _one(context.site.contents, context.id())
    _chapter(context, content["chapter_id"])
    return Response.of(200, content)


def list_products(context: Context) -> Response:
    return _page(context, (p for p in context.site.products if is_shown(context, p)))


def show_product(context: Context) -> Response:
    return Response.of(200, _product(context))


def list_related(context: Context) -> Response:
    return _page(context, _of(context.site.products, _product(context)["related_product_ids"]))


def show_bundle(context: Context) -> Response:
    return Response.of(200, _one(context.site.bundles, context.id()))


def list_bundle_courses(context: Context) -> Response:
    bundle = _one(context.site.bundles, context.id())
    return _page(context, _of(context.site.courses, bundle["course_ids"]))


def list_orders(context: Context) -> Response:
    return context.page_of(context.site.orders.listing, context.site.render.wires_encoded)


def show_order(context: Context) -> Response:
    return Response.of(200, _one(context.site.orders, context.id()))


def list_profile_fields(context: Context) -> Response:
    return _page(context, context.site.profile_fields)


def _page(context: Context, rows: Iterable[Wire]) -> Response:
    return context.page_of(list(rows), context.site.render.wires_encoded)


def _of(table: Table[Wire], ids: Iterable[int]) -> list[Wire]:
    return [row for row_id in ids if (row := table.get(row_id))]


def _one(table: Table[Wire], row_id: int) -> Wire:
    row = table.get(row_id)
    if row is None:
        raise not_found()
    return row


def _course(context: Context) -> Wire:
    course = _one(context.site.courses, context.id())
    if course["id"] in context.site.builder_courses:
        raise not_found()
    return course


def _chapter(context: Context, chapter_id: int) -> Wire:
    if context.site.course_of_chapter.get(chapter_id) in context.site.builder_courses:
        raise not_found()
    return _one(context.site.chapters, chapter_id)


def _product(context: Context) -> Wire:
    product = _one(context.site.products, context.id())
    if not is_shown(context, product):
        raise not_found()
    return product


def is_shown(context: Context, product: Wire) -> bool:
    """Returns whether REST shows the product."""
    is_course = product.get("productable_type") == "Course"
    return not is_course or product.get("productable_id") not in context.site.builder_courses
