"""How long a student has access to a course: as long as the longest of its grants, which are a grant of the
course itself and any number of bundles."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from core.models import BundleItem, Enrollment, Product, User
from core.services.mirror.enrollments import SAME_DAY
from core.services.storage import bulk

Moment = datetime | None  # None: no end


class HeldBundles:
    """The bundle enrollments of several students that contain one of their courses, read at once."""

    def __init__(self, courses: Collection[Enrollment]) -> None:
        items = BundleItem.objects.filter(course__in={one.product_id for one in courses})
        pairs = list(items.filter(removed_at__isnull=True).values_list("course", "bundle"))
        self.bundles: dict[int, set[int]] = {}
        for course, bundle in pairs:
            self.bundles.setdefault(course, set()).add(bundle)
        rows = Enrollment.objects.filter(product__in={bundle for _, bundle in pairs}, removed_at__isnull=True)
        rows = rows.filter(bulk.among("user_id", {one.user_id for one in courses})).order_by("pk")
        self.rows: dict[int, list[tuple[int, int, Moment]]] = {}
        for user, product, pk, end in rows.values_list("user", "product", "pk", "expiry_date"):
            self.rows.setdefault(user, []).append((product, pk, end))

    def of(self, course: Enrollment) -> list[tuple[int, Moment]]:
        """Returns the primary keys and ends of the student's bundle enrollments that contain this course."""
        bundles = self.bundles.get(course.product_id, set())
        return [(pk, end) for product, pk, end in self.rows.get(course.user_id, ()) if product in bundles]


def held_through(course: Enrollment) -> QuerySet[Enrollment]:
    """Returns the student's bundle enrollments that contain this course and give access now."""
    return bundles_with(course).giving_access()


def access_until(course: Enrollment, held: HeldBundles | None = None) -> Moment:
    """Returns when the student's access to a course ends: the latest end of the course's own grant and of all
    bundles that contain it. None when one of them has no end."""
    ends = bundle_ends(course, held) + ([course.granted_until] if course.granted else [])
    return latest(ends) if ends else course.expiry_date


def comes_through(course: Enrollment, held: HeldBundles | None = None) -> int | None:
    """Returns the bundle enrollment (primary key) that gives the course for the longest time; of equal ones
    the present one. This keeps a bundle's end, which is derived from its courses, apart from the end of
    another bundle."""
    rows = _bundles(course, held)
    far = datetime.max.replace(tzinfo=UTC)
    ends = [(end or far, pk == course.via_bundle_id, pk) for pk, end in rows]
    return max(ends)[2] if ends else course.via_bundle_id


def shortened(*, student: User, products: Iterable[Product], end: Moment) -> list[tuple[Product, Moment]]:
    """Returns the products to which the student's access would become shorter by enrolling until `end`, each
    with its present end."""
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
    """Returns a bundle enrollment that gives the course until its present end or longer, or None. With one,
    ending the course alone would change nothing."""
    bundles = held_through(course).select_related("product").order_by("pk")
    own = course.expiry_date
    return next((b for b in bundles if b.expiry_date is None or (own and b.expiry_date >= own)), None)


def held_beyond(course: Enrollment, end: Moment) -> Enrollment | None:
    """Returns a bundle enrollment that gives the course for longer than until `end`, or None."""
    bundles = held_through(course).select_related("product").order_by("pk")
    return next((bundle for bundle in bundles if is_later(bundle.expiry_date, end)), None)


def bundles_with(course: Enrollment) -> Any:
    items = BundleItem.objects.filter(course=course.product_id, removed_at__isnull=True)
    return Enrollment.objects.filter(
        user=course.user_id, product__in=items.values("bundle"), removed_at__isnull=True
    )


def bundle_ends(course: Enrollment, held: HeldBundles | None = None) -> list[Moment]:
    return [end for _, end in _bundles(course, held)]


def _bundles(course: Enrollment, held: HeldBundles | None) -> list[tuple[int, Moment]]:
    """`held`: what was read for several courses at once."""
    if held is not None:
        return held.of(course)
    return list(bundles_with(course).values_list("pk", "expiry_date"))


def latest(ends: Sequence[Moment]) -> Moment:
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def is_open(end: Moment, now: datetime) -> bool:
    return end is None or end > now


def is_later(one: Moment, other: Moment) -> bool:
    """Whether one end of access is later than another by more than a day. Smaller differences occur between
    the courses of one bundle."""
    return other is not None and (one is None or one > other + SAME_DAY)
