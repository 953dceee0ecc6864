"""How long a student holds a course: by a grant of its own and through any number of bundles, as long as the
longest of them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from core.models import BundleItem, Enrollment, Product, User
from core.services.mirror.enrollments import SAME_DAY

Moment = datetime | None  # None: no end


def held_through(course: Enrollment) -> QuerySet[Enrollment]:
    """The bundle enrollments by which the student holds this course too, and which still run."""
    return bundles_with(course).giving_access()


def access_until(course: Enrollment) -> Moment:
    """When a student's access to a course ends by all grants together: the latest of the course's own and
    of every bundle that contains it; None where one of them has no end."""
    ends = bundle_ends(course) + ([course.granted_until] if course.granted else [])
    return latest(ends) if ends else course.expiry_date


def comes_through(course: Enrollment) -> int | None:
    """The bundle enrollment (primary key) that gives the course the longest; of equal ones its own. So a
    bundle's end, which is told by its courses, is never that of another bundle."""
    rows = bundles_with(course).values_list("expiry_date", "pk")
    far = datetime.max.replace(tzinfo=UTC)
    ends = [(end or far, pk == course.via_bundle_id, pk) for end, pk in rows]
    return max(ends)[2] if ends else course.via_bundle_id


def shortened(*, student: User, products: Iterable[Product], end: Moment) -> list[tuple[Product, Moment]]:
    """Those of these products to which enrolling the student until `end` would shorten their access, each
    with when it ends now."""
    if end is None:
        return []
    rows = Enrollment.objects.filter(user=student, product__in=list(products)).select_related("product")
    found = []
    for enrollment in rows.giving_access().order_by("pk"):
        until = end if enrollment.product.is_bundle else latest([end, *bundle_ends(enrollment)])
        if until is not None and (enrollment.expiry_date is None or enrollment.expiry_date > until):
            found.append((enrollment.product, enrollment.expiry_date))
    return found


def kept_by(course: Enrollment) -> Enrollment | None:
    """The bundle enrollment through which the student holds this course for as long as they have it: ending
    the course alone would change nothing."""
    bundles = held_through(course).select_related("product").order_by("pk")
    own = course.expiry_date
    return next((b for b in bundles if b.expiry_date is None or (own and b.expiry_date >= own)), None)


def held_beyond(course: Enrollment, end: Moment) -> Enrollment | None:
    """The bundle enrollment that keeps this course open longer than until `end`, whatever its own end is."""
    bundles = held_through(course).select_related("product").order_by("pk")
    return next((bundle for bundle in bundles if is_later(bundle.expiry_date, end)), None)


def bundles_with(course: Enrollment) -> Any:
    items = BundleItem.objects.filter(course=course.product_id, removed_at__isnull=True)
    return Enrollment.objects.filter(
        user=course.user_id, product__in=items.values("bundle"), removed_at__isnull=True
    )


def bundle_ends(course: Enrollment) -> list[Moment]:
    return list(bundles_with(course).values_list("expiry_date", flat=True))


def latest(ends: Sequence[Moment]) -> Moment:
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def is_later(one: Moment, other: Moment) -> bool:
    """Whether one end of access is later than another, by more than what courses of one bundle differ by."""
    return other is not None and (one is None or one > other + SAME_DAY)
