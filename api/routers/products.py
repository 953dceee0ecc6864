"""Products: courses and bundles, by their id here or found by a term."""

from typing import Annotated, Literal

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Schema
from pydantic import Field

from api import versions
from api.authentication import ApiRequest, Bearer
from api.documentation import example, responses
from api.paging import Page, PageQuery, listed, sorted_by
from api.resources import products
from api.resources.products import EXAMPLE, ProductOut
from api.types import BIGGEST, Id
from core.models.fields.folded import holding

router = Router(tags=["Products"], auth=Bearer("products:read", "core.view_product"))
SORTS = {"id": "pk", "name": "name"}


class OneProduct(Schema):
    data: ProductOut


class ProductPage(Page):
    data: list[ProductOut]


class ProductListQuery(PageQuery):
    sort: Annotated[str, sorted_by(SORTS)] = "id"
    product_type: Annotated[Literal["Course", "Bundle"] | None, Field(description="Only this kind.")] = None


class ProductSearchQuery(PageQuery):
    term: Annotated[
        str,
        Field(
            min_length=1,
            max_length=500,
            description="A part of the name, or a whole Thinkific ID or productable id.",
        ),
    ]


@router.get(
    "/products",
    response=responses(_200=ProductPage),
    summary="List products",
    openapi_extra=example(_200={"data": [EXAMPLE]}),
)
def list_products(request: ApiRequest, query: Query[ProductListQuery]) -> HttpResponse:
    """Returns the courses and bundles of the site, drafts and private ones too. A team manager's token sees
    those that their teams have seats on. Use `productable_id` to name a product in other calls."""
    rows = products.of(request.issuer)
    if query.product_type is not None:
        rows = rows.filter(productable_type=query.product_type)
    return listed(request, query, rows, products.represent, sorts=SORTS, sort=query.sort)


@router.get(
    "/products/search",
    response=responses(_200=ProductPage),
    summary="Search products",
    openapi_extra=example(_200={"data": [EXAMPLE]}),
)
def search_products(request: ApiRequest, query: Query[ProductSearchQuery]) -> HttpResponse:
    """Searches name, Thinkific ID and productable id. A part of the name is enough; `%` and `_` mean
    themselves; numbers match whole ids."""
    term = query.term.strip()
    condition = Q()
    for word in term.split():
        condition &= holding("folded", word)
    if term.isascii() and term.isdigit() and int(term) <= BIGGEST:
        condition |= Q(thinkific_id=int(term)) | Q(productable_id=int(term))
    rows = products.of(request.issuer).filter(condition) if term else products.of(request.issuer).none()
    return listed(request, query, rows, products.represent, sorts=SORTS, sort="id")


@router.get(
    "/products/{int:id}",
    response=responses(404, _200=OneProduct, _304=None),
    summary="View a product",
    openapi_extra=example(headers=("If-None-Match",), _200={"data": EXAMPLE}),
)
def view_product(request: ApiRequest, id: Id) -> HttpResponse:
    """Returns one product by its id in the dashboard, not by a number of Thinkific."""
    product = get_object_or_404(products.of(request.issuer), pk=id)
    return versions.read(request, products.represent([product])[0])
