"""Products by the numbers that shops know: productable ids."""

from collections.abc import Iterable

from core.errors import Refusal
from core.models import Product, User
from core.wording import listed


class NoSuchProduct(Refusal):
    """No product has the number, or two have it."""


def chosen(viewer: User, numbers: Iterable[int], *, product_type: str | None = None) -> list[Product]:
    """Returns the products with these productable ids, in their order and each once.

    Raises NoSuchProduct for a number that no product has which the viewer sees, and for one that is both a
    course and a bundle while `product_type` (Course or Bundle) does not say which is meant.
    """
    wanted = list(dict.fromkeys(numbers))
    rows = Product.objects.visible_to(viewer).filter(removed_at__isnull=True, productable_id__in=wanted)
    found: dict[int, list[Product]] = {}
    for product in rows.order_by("productable_type", "pk"):
        if product_type in (None, product.productable_type):
            found.setdefault(product.productable_id, []).append(product)
    if missing := [str(number) for number in wanted if number not in found]:
        what = "no course or bundle" if product_type is None else f"no {product_type.lower()}"
        raise NoSuchProduct(
            f"There is {what} with the productable id {listed(missing)}. Use products/search."
        )
    if both := [number for number in wanted if len(found[number]) > 1]:
        bundle, course = found[both[0]]
        said = f"{both[0]} is both a course ({course}) and a bundle ({bundle})."
        raise NoSuchProduct(f"{said} Say which is meant with product_type: Course or Bundle.")
    return [found[number][0] for number in wanted]
