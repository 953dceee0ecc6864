"""Creating instructors, categories, promotions with coupons, and reviews.

Uses no random numbers, so that the other rows of a seed did not change when this was added.
"""

from typing import TYPE_CHECKING, Any

from integrations.thinkific.sandbox.site.clock import DAY, to_iso
from integrations.thinkific.sandbox.site.people import STAFF

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site

Wire = dict[str, Any]
REVIEWED = 3  # reviews of each course with reviews
REVIEWS = (
    (5, "Clear and short", "Everything that I needed, and no more."),
    (4, "Useful", "The examples helped. The last chapter could be longer."),
    (2, "Not for beginners", "Too fast for me."),
)


def add_shop(site: "Site", now: int) -> None:
    _add_instructors(site, now)
    _add_collections(site, now)
    _add_promotions(site, now)
    _add_reviews(site, now)


def _add_instructors(site: "Site", now: int) -> None:
    """Create the instructors: the staff, who are the first people of the site."""
    for place, user in enumerate(site.users.listing[: len(STAFF)]):
        number = site.instructors.new_id()
        first_name, last_name = STAFF[place][:2]
        site.instructors.add(
            number,
            {
                "id": number,
                "user_id": user.id,
                "title": "Founder" if place == 0 else "Trainer",
                "first_name": first_name,
                "last_name": last_name,
                "bio": f"{first_name} {last_name} teaches at Harborlight.",
                "slug": f"{first_name}-{last_name}".lower(),
                "avatar_url": None,
                "email": user.email,
                "created_at": to_iso(now - 900 * DAY),
            },
        )


def _add_collections(site: "Site", now: int) -> None:
    """Create two categories: one with every product, and one with the bundles."""
    bundles = [p["id"] for p in site.products if p["productable_type"] == "Bundle"]
    for name, slug, product_ids, default in (
        ("All Courses", "all", site.products.ids(), True),
        ("Bundles", "bundles", bundles, False),
    ):
        number = site.collections.new_id()
        site.collections.add(
            number,
            {
                "id": number,
                "name": name,
                "description": f"{name} of the academy",
                "slug": slug,
                "created_at": to_iso(now - 900 * DAY),
                "product_ids": list(product_ids),
                "default": default,
            },
        )
        for product_id in product_ids:
            site.products[product_id]["collection_ids"].append(number)


def add_to_categories(site: "Site", product: Wire) -> None:
    """Add a new product to the categories that contain every product."""
    for collection in site.collections:
        if collection["default"]:
            collection["product_ids"].append(product["id"])
            product["collection_ids"].append(collection["id"])


def remove_from_categories(site: "Site", product_id: int) -> None:
    for rows in (site.collections, site.promotions):
        for row in rows:
            row["product_ids"] = [known for known in row["product_ids"] if known != product_id]


def _add_promotions(site: "Site", now: int) -> None:
    for name, kind, amount, codes in (
        ("Spring offer", "percentage", "15.0", ("SPRING15", "SPRING15B")),
        ("Partners", "fixed", "20.0", ("PARTNER20",)),
    ):
        number = site.promotions.new_id()
        coupon_ids = [_add_coupon(site, number, code, now) for code in codes]
        site.promotions.add(
            number,
            {
                "id": number,
                "name": name,
                "description": None,
                "starts_at": None,
                "expires_at": to_iso(now + 60 * DAY),
                "discount_type": kind,
                "amount": amount,
                "coupon_ids": coupon_ids,
                "duration": None,
                "product_ids": site.products.ids()[:3],
                "created_at": to_iso(now - 40 * DAY),
            },
        )


def _add_coupon(site: "Site", promotion_id: int, code: str, now: int) -> int:
    number = site.coupons.new_id()
    coupon: Wire = {
        "id": number,
        "code": code,
        "note": None,
        "quantity": None if number % 2 else 100,
        "quantity_used": number % 7,
        "promotion_id": promotion_id,
        "created_at": to_iso(now - 40 * DAY),
    }
    site.coupons.add(number, coupon)
    return number


def _add_reviews(site: "Site", now: int) -> None:
    for course in site.courses:
        if not course["reviews_enabled"] or course["id"] in site.builder_courses:
            continue
        for place, enrollment in enumerate(site.enrollments_in.get(course["id"], [])[:REVIEWED]):
            rating, title, text = REVIEWS[place % len(REVIEWS)]
            number = site.reviews.new_id()
            site.reviews.add(
                number,
                {
                    "id": number,
                    "rating": rating,
                    "title": title,
                    "review_text": text,
                    "user_id": enrollment.user_id,
                    "course_id": course["id"],
                    "approved": place != 2,
                    "created_at": to_iso(now - (30 - place) * DAY),
                },
            )
