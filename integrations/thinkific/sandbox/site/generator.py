"""Creating the rows of a site of any size. The same scale, seed and date give the same rows."""

import gc
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from integrations.thinkific.sandbox.site.catalog import BUILDER_COURSES, BUNDLES, COURSES, PROFILE_FIELDS
from integrations.thinkific.sandbox.site.catalog_builder import add_bundle, add_course
from integrations.thinkific.sandbox.site.clock import DAY, EPOCH, HOUR
from integrations.thinkific.sandbox.site.enrollment_builder import add_enrollments, add_results
from integrations.thinkific.sandbox.site.people_builder import add_groups, add_orders, add_people
from integrations.thinkific.sandbox.site.shop_builder import add_shop

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


class Scale(msgspec.Struct, kw_only=True, frozen=True):
    users: int = 240
    enrollments_per_user: float = 4.0
    courses: int = len(COURSES)  # those that REST shows
    builder_courses: int = len(BUILDER_COURSES)
    bundles: int = len(BUNDLES)
    groups: int = 12
    bundle_holders: float = 0.2  # share of the people
    quiz_results_per_user: float = 1.5
    orders_per_user: float = 0.15
    contents_per_chapter: int = 4
    chapters_per_course: int = 0  # 0: those that its title names

    @classmethod
    def demo(cls) -> "Scale":
        """Returns a small size for demos: every title once, and one group for every company."""
        return cls()

    @classmethod
    def bulk(cls, users: int = 100_000, **sizes: Any) -> "Scale":
        return cls(users=users, **({"enrollments_per_user": 5.0, "quiz_results_per_user": 0.5} | sizes))


def fill(site: "Site", scale: Scale, *, seed: int, as_of: datetime | None) -> None:
    moment = as_of or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    now = int((moment - EPOCH).total_seconds() * 1000)
    site.origin = {"scale": msgspec.to_builtins(scale), "seed": seed, "as_of": moment.isoformat()}
    random = Random(seed)  # noqa: S311 - invented data, not secrets
    # No object made here is garbage, and garbage collections would double the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        _fill(site, scale, random, now)
    finally:
        if collecting:
            gc.enable()


def _fill(site: "Site", scale: Scale, random: Random, now: int) -> None:
    opened = now - 900 * DAY
    for label, field_type, required in PROFILE_FIELDS:
        field_id = site.profile_fields.new_id()
        site.profile_fields.add(
            field_id, {"id": field_id, "label": label, "field_type": field_type, "required": required}
        )
    for place in range(scale.courses):
        add_course(
            site,
            place,
            opened + place * HOUR,
            contents_per_chapter=scale.contents_per_chapter,
            chapters=scale.chapters_per_course,
        )
    for place in range(scale.builder_courses):
        add_course(
            site,
            place,
            now - 90 * DAY + place * HOUR,
            contents_per_chapter=scale.contents_per_chapter,
            chapters=scale.chapters_per_course,
            new_builder=True,
        )
    for place in range(scale.bundles if scale.courses else 0):
        add_bundle(site, place, opened + 100 * DAY + place * HOUR)
    add_people(site, scale.users, random, now)
    add_groups(site, scale.groups, random, now)
    add_enrollments(
        site, round(scale.users * scale.enrollments_per_user), random, now, holders_share=scale.bundle_holders
    )
    add_results(site, round(scale.users * scale.quiz_results_per_user), random)
    add_orders(site, round(scale.users * scale.orders_per_user), random, now)
    add_shop(site, now)
