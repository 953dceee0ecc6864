"""The tabs of a product's page: contents, curriculum, seats, enrollments."""

from typing import Any

from django.db.models import Count, QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.admin.kit import cells, open_pages
from core.admin.kit.lists.columns import column
from core.admin.kit.sync.sending import status_pill
from core.admin.kit.tabs import Tab
from core.admin.seats.columns import ACTIVE, RULE, TEAMS, places_text, with_orders, with_shown_teams
from core.admin.short_links import SHORT_LINKS_TAB
from core.models import BundleItem, Enrollment, Lesson, Product, Seat, User
from core.pills import pill


def contents_of(product: Product, viewer: User) -> QuerySet[BundleItem]:
    """Returns the present courses of the bundle, without those that were removed from it."""
    items = product.bundle_items.filter(removed_at__isnull=True)
    return items.select_related("course").order_by("position", "id")


def curriculum_of(product: Product, viewer: User) -> QuerySet[Lesson]:
    lessons = Lesson.objects.filter(chapter__product=product).select_related("chapter", "quiz")
    return lessons.order_by("chapter__position", "chapter_id", "position", "id")


def seats_of(product: Product, viewer: User) -> QuerySet[Seat]:
    return with_orders(
        with_shown_teams(Seat.objects.visible_to(viewer).filter(product=product), viewer)
    ).order_by("id")


def enrollment_counts_of(product: Product, viewer: User) -> QuerySet:
    enrollments: QuerySet = Enrollment.objects.visible_to(viewer).filter(product=product).with_status()
    return enrollments.order_by("status_now").values("status_now", "product").annotate(people=Count("pk"))


def enrollments_link(row: dict[str, Any]) -> SafeString:
    url = open_pages.list_url(Enrollment, f"product={row['product']}&status={row['status_now']}")
    return format_html('<a class="cell-link" href="{}">List them</a>', url) if url else cells.NOTHING


def publication(product: Product) -> SafeString:
    if not product.status:
        return cells.NOTHING
    return pill(product.status, capfirst(product.status))


PRODUCT_TABS = (
    Tab(
        "contents",
        "Bundle contents",
        contents_of,
        [
            column("Course", "course", cells.link, sort="course__name"),
            column(
                "State",
                lambda item: cells.removed(item.course.removed_at) or publication(item.course),
                sort="course__status",
            ),
            column(
                "Productable ID",
                "course.productable_id",
                cells.thinkific_id,
                sort="course__productable_id",
            ),
        ],
        "This bundle has no courses, or they have not been synced yet.",
        applies=lambda product: product.is_bundle,
    ),
    Tab(
        "curriculum",
        "Curriculum",
        curriculum_of,
        [
            column("Chapter", "chapter", cells.named),
            column("Lesson", cells.named),
            column("Kind", "content_type", cells.lesson_kind),
            column("Quiz", "quiz", cells.text),
        ],
        "The chapters and lessons have not been synced yet, or the course has none.",
        applies=lambda product: not product.is_bundle,
    ),
    Tab(
        "seats",
        "Seats",
        seats_of,
        [
            column("Used", lambda seat: cells.link(seat, places_text(seat)), sort="fill"),
            RULE,
            TEAMS,
            ACTIVE,
        ],
        "No seats on this product: no team can enroll anybody in it.",
        permission="core.view_seat",
    ),
    Tab(
        "enrollments",
        "Enrollments",
        enrollment_counts_of,
        [
            column("Status", lambda row: status_pill(row["status_now"])),
            column("Enrollments", lambda row: f"{row['people']:,}"),
            column("", enrollments_link),
        ],
        "Nobody is enrolled in this product.",
        permission="core.view_enrollment",
    ),
    SHORT_LINKS_TAB,
)
