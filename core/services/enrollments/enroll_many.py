"""Enrolling many students at once, all or none.

Students for whom all products are new are written in bulk, with their history. Students who have or had one
of the products, or hold it in another way, are enrolled by `enrollments.enroll_each`, which compares grants.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from core.errors import Refusal, names
from core.models import BundleItem, Enrollment, Product, Seat, User
from core.services import outbox, webhooks
from core.services.enrollments import enrollments, grants
from core.services.mirror.bundles import total_up_students
from core.services.mirror.source import Source

REASON = "enrolled"


@transaction.atomic
def enroll_unchecked(
    *,
    students: Iterable[User],
    products: Iterable[Product],
    expiry_date: datetime | None = None,
    by: User | None = None,
    seats: Mapping[tuple[int, int], Seat] | None = None,
    ends: Mapping[tuple[int, int], datetime | None] | None = None,
    origin: str = Enrollment.Origin.DASHBOARD,
) -> list[Enrollment]:
    """Give students access to products without checking seats. Raises Refusal, and then writes nothing.
    `seats` are the seats that give the access, by student and product (primary keys), and `ends` are the
    ends of access that differ from `expiry_date`."""
    now = timezone.now().replace(microsecond=0)
    expiry_date = expiry_date and expiry_date.replace(microsecond=0)
    people = sorted(students, key=lambda student: student.pk)
    wanted = sorted(products, key=lambda product: product.pk)
    seats, ends = seats or {}, ends or {}
    check_can_be_enrolled(people, wanted, expiry_date)
    known = _who_knows(people, wanted)
    again = [student for student in people if student.pk in known]
    given = enrollments.enroll_each(
        again, wanted, expiry_date=expiry_date, by=by, seats=seats, ends=ends, origin=origin
    )
    new = [student for student in people if student.pk not in known]
    made = Enrollment.objects.bulk_create(
        _new(student, product, ends.get((student.pk, product.pk), expiry_date), now, seats, origin)
        for student in new
        for product in wanted
    )
    Enrollment.history.bulk_history_create(made, default_user=by, default_change_reason=REASON)
    outbox.mark_stale(
        [student for student in new if student.thinkific_id is None],
        reason="needs a Thinkific account to be enrolled",
        requested_by=by,
    )
    outbox.mark_stale(made, reason=REASON, requested_by=by)
    total_up_students({student.pk for student in new}, source=Source(REASON))
    webhooks.emit("enrollment.created", made)
    return given + made


def _new(
    student: User,
    product: Product,
    end: datetime | None,
    now: datetime,
    seats: Mapping[tuple[int, int], Seat],
    origin: str,
) -> Enrollment:
    return Enrollment(
        user=student,
        product=product,
        origin=origin,
        granted=True,
        granted_until=end,
        last_seat=seats.get((student.pk, product.pk)),
        activated_at=now,
        expiry_date=end,
        push_state=Enrollment.PushState.PENDING,
    )


def with_access(students: Collection[User], products: Collection[Product]) -> set[int]:
    """Returns the students (primary keys) who have access to at least one of the products."""
    rows = Enrollment.objects.filter(user__in=students, product__in=products).giving_access()
    return set(rows.values_list("user", flat=True))


def shortened(
    *, students: Collection[User], products: Collection[Product], end: datetime | None
) -> list[tuple[User, Product, datetime | None]]:
    """`grants.shortened` for several students."""
    if end is None:
        return []
    longer = Q(expiry_date__isnull=True) | Q(expiry_date__gt=end)
    rows = Enrollment.objects.filter(longer, user__in=students, product__in=products).giving_access()
    of = set(rows.values_list("user", flat=True))
    return [
        (student, product, before)
        for student in students
        if student.pk in of
        for product, before in grants.shortened(student=student, products=products, end=end)
    ]


def check_can_be_enrolled(
    students: Collection[User], products: Collection[Product], expiry_date: datetime | None
) -> None:
    """Make the checks of one student for all, with one text that names all who cannot be enrolled."""
    now = timezone.now().replace(microsecond=0)
    off = [student for student in students if not student.is_active or student.removed_at is not None]
    if len(off) > 1:
        raise Refusal(
            f"{names(off)} cannot be enrolled: their accounts are switched off, or no longer in Thinkific. "
            "Choose without them."
        )
    for student in off or students:  # `enroll_each` repeats these checks for the students it enrolls
        enrollments.check_can_be_enrolled(student, list(products), expiry_date, now)


def _who_knows(students: Collection[User], products: Collection[Product]) -> set[int]:
    """Returns the students (primary keys) whose other grants have to be compared: those with an enrollment,
    also an ended one, in one of the products, in a course of one of the bundles, or in a bundle with one of
    the courses."""
    items = BundleItem.objects.filter(
        Q(bundle__in=products) | Q(course__in=products), removed_at__isnull=True
    )
    pairs = list(items.values_list("bundle", "course"))
    wanted = {product.pk for product in products}
    if any(bundle in wanted and course in wanted for bundle, course in pairs):
        return {student.pk for student in students}  # one of the products gives another
    related = wanted.union(*pairs)
    rows = Enrollment.objects.filter(user__in=students, product__in=related)
    return set(rows.values_list("user", flat=True))
