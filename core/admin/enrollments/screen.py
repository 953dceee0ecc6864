"""Enrollments: who studies what, how far they are, until when."""

from typing import Any

from django.contrib import admin
from django.db.models import DecimalField, Prefetch, QuerySet, Value
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.enrollments.dialogs import ENROLLMENT_DIALOGS
from core.admin.kit import cells
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.exports import ExportingAdmin
from core.admin.kit.lists.filters import ChoiceFilter, RelatedFilter
from core.admin.kit.lists.student_lists import PRODUCT, STUDENT, FoundByStudent, TeamFilter
from core.admin.kit.sync.sending import enrollment_status, with_sending
from core.admin.kit.tabs import Tab
from core.admin.kit.viewer import viewer_of
from core.admin.products.known_bundles import with_shown_bundles
from core.models import Enrollment, Lesson, QuizResult, User
from core.services.enrollments import seat_access


class StatusFilter(ChoiceFilter):
    title = "status"
    parameter_name = "status"
    choices_offered = tuple((value, label) for value, label in Enrollment.Status.choices)

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.in_status(value)  # type: ignore[attr-defined]


class ProductFilter(RelatedFilter):
    title = "course or bundle"
    parameter_name = "product"
    foreign_key = (Enrollment, "product")


class ExpiryFilter(ChoiceFilter):
    title = "end of access"
    parameter_name = "expires"
    choices_offered = (("7", "Within 7 days"), ("30", "Within 30 days"), ("90", "Within 90 days"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.ending_within(int(value))  # type: ignore[attr-defined]


# --- curriculum ---------------------------------------------------------------------------------------


def lessons_of(enrollment: Enrollment, viewer: User) -> QuerySet[Lesson]:
    """The course's lessons with the student's results in their quizzes, and `fraction`: the progress."""
    results = QuizResult.objects.filter(user=enrollment.user_id, removed_at__isnull=True)
    lessons = Lesson.objects.filter(
        chapter__product=enrollment.product_id, chapter__removed_at__isnull=True, removed_at__isnull=True
    )
    return (
        lessons.order_by("chapter__position", "chapter_id", "position", "id")
        .select_related("chapter")
        .annotate(fraction=Value(enrollment.percentage_completed, output_field=DecimalField()))
        .prefetch_related(Prefetch("quiz__results", results, to_attr="shown_results"))
    )


def lesson_progress(lesson: Any) -> SafeString:
    """What can be said about one lesson: a quiz's result; all or nothing at 100 % and 0 %."""
    results = lesson.quiz.shown_results if lesson.quiz_id else []
    if results and results[0].completed_at:
        return cells.yes_no(results[0].passed, yes="Passed", no="Not passed")
    if lesson.fraction >= 1:
        return cells.pill("Completed", "success")
    if lesson.fraction <= 0:
        return cells.pill("Not started", "quiet")
    return cells.NOTHING


def curriculum_note(enrollment: Enrollment, viewer: User) -> str:
    percent = int(enrollment.percentage_completed * 100)
    return (
        f"{percent} % of this course is complete. Thinkific tells the progress of an enrollment as one "
        "percentage and the results of quizzes, not which lesson was finished: where nothing is known of a "
        "lesson, none is shown."
    )


def courses_in(enrollment: Enrollment, viewer: User) -> QuerySet[Enrollment]:
    rows = Enrollment.objects.filter(via_bundle=enrollment).visible_to(viewer)
    return with_sending(rows.select_related("product").order_by("id"), "enrollment")


ENROLLMENT_TABS = (
    Tab(
        "curriculum",
        "Curriculum",
        lessons_of,
        [
            ("Chapter", lambda lesson: cells.text(str(lesson.chapter))),
            ("Lesson", lambda lesson: cells.text(str(lesson))),
            ("Kind", lambda lesson: cells.lesson_kind(lesson.content_type)),
            ("Progress", lesson_progress),
        ],
        "The chapters and lessons of this course have not been synced yet. They arrive with Sync Products.",
        note=curriculum_note,
        applies=lambda enrollment: not enrollment.product.is_bundle,
    ),
    Tab(
        "courses",
        "Courses",
        courses_in,
        [
            ("Course", lambda e: cells.link(e, str(e.product))),
            ("Progress", lambda e: cells.progress(e.percentage_completed)),
            ("Status", enrollment_status),
            ("Completed", lambda e: cells.moment(e.completed_at)),
        ],
        "No course enrollments have come from this bundle yet. Thinkific makes them a moment after it.",
        applies=lambda enrollment: enrollment.product.is_bundle,
    ),
)


@admin.register(Enrollment)
class EnrollmentAdmin(FoundByStudent, ExportingAdmin, HistoryAdmin):
    list_display = [
        "student",
        "course",
        "status_now",
        "progress",
        "activated",
        "expires",
        "came_from",
        "via_bundle_name",
    ]
    list_filter = [StatusFilter, ProductFilter, TeamFilter, ExpiryFilter]
    list_select_related = ["user", "product", "via_bundle__product"]
    list_only = (
        *STUDENT,
        *PRODUCT,
        "percentage_completed",
        "thinkific_id",
        "activated_at",
        "completed_at",
        "expiry_date",
        "removed_at",
        "push_state",
        "origin",
        "via_bundle__product__name",
        "via_bundle__product__productable_type",
        "via_bundle__product__productable_id",
    )
    sortable_by = ["progress", "activated", "expires"]
    ordering = ["-id"]
    tabs = ENROLLMENT_TABS
    dialogs = ENROLLMENT_DIALOGS
    shows_sync = True
    empty_text = "For a team, enrollments are those of its members in the products it has seats on."
    empty_how = "They appear here when Thinkific is synced: open Tools and choose Sync Enrollments."
    export_columns = (
        ("Name", lambda e: e.user.get_full_name()),
        ("Email", lambda e: e.user.email),
        ("Course", lambda e: str(e.product)),
        ("Status", lambda e: e.status),
        ("Progress %", lambda e: int(e.percentage_completed * 100)),
        ("Activated", lambda e: e.activated_at),
        ("Completed", lambda e: e.completed_at),
        ("Expires", lambda e: e.expiry_date),
        ("Origin", lambda e: e.get_origin_display()),
        ("Thinkific ID", lambda e: e.thinkific_id),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With `shows_bundle`: whether the viewer may know the bundle that a course came with."""
        return with_shown_bundles(super().get_queryset(request), viewer_of(request))

    def get_object(self, request: HttpRequest, object_id: Any, from_field: Any = None) -> Any:
        enrollment = super().get_object(request, object_id, from_field)
        viewer = viewer_of(request)
        if enrollment is not None and not viewer.sees_everything:
            enrollment.giver = seat_access.giver(viewer, enrollment)
        return enrollment

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        access = ["student_link", "course_link", "status_now", "activated", "expires", "via_bundle_name"]
        if viewer_of(request).sees_everything:
            access.append("seat_link")  # its name is internal, and it may be another team's
        elif obj is not None and obj.user_id != viewer_of(request).pk:
            access.append("given_by")
        learning = ["progress", "started", "completed", "free_trial"]
        source = ["thinkific", "came_from", "changed_there", "created"]
        return [
            (None, {"fields": access}),
            ("Learning", {"fields": learning}),
            ("Source", {"fields": source}),
        ]

    @display(description="Course")
    def course(self, enrollment: Enrollment) -> SafeString:
        return cells.text(str(enrollment.product))

    @display(description="Status")
    def status_now(self, enrollment: Enrollment) -> SafeString:
        return enrollment_status(enrollment)

    @display(description="Progress", ordering="percentage_completed")
    def progress(self, enrollment: Enrollment) -> SafeString:
        return cells.progress(enrollment.percentage_completed)

    @display(description="Activated", ordering="activated_at")
    def activated(self, enrollment: Enrollment) -> SafeString:
        return cells.moment(enrollment.activated_at, empty="Not yet", ahead=True)

    @display(description="Expires", ordering="expiry_date")
    def expires(self, enrollment: Enrollment) -> SafeString:
        return cells.moment(enrollment.expiry_date, empty="Never", ahead=True)

    @display(description="Origin")
    def came_from(self, enrollment: Enrollment) -> str:
        return enrollment.get_origin_display()

    @display(description="Via bundle")
    def via_bundle_name(self, enrollment: Any) -> SafeString:
        known = enrollment.via_bundle is not None and enrollment.shows_bundle
        return cells.text(str(enrollment.via_bundle.product)) if known else cells.NOTHING

    @display(description="Given by")
    def given_by(self, enrollment: Any) -> str:
        return enrollment.giver

    @display(description="Course")
    def course_link(self, enrollment: Enrollment) -> SafeString:
        return cells.link(enrollment.product)

    @display(description="Seat")
    def seat_link(self, enrollment: Enrollment) -> SafeString:
        return cells.link(enrollment.last_seat)

    @display(description="Started")
    def started(self, enrollment: Enrollment) -> SafeString:
        return cells.moment(enrollment.started_at, empty="Not yet")

    @display(description="Completed")
    def completed(self, enrollment: Enrollment) -> SafeString:
        return cells.moment(enrollment.completed_at, empty="Not yet")

    @display(description="Free trial")
    def free_trial(self, enrollment: Enrollment) -> SafeString:
        return cells.yes_no(enrollment.is_free_trial)

    @display(description="Thinkific ID")
    def thinkific(self, enrollment: Enrollment) -> SafeString:
        if enrollment.product.is_bundle:  # Thinkific keeps enrollments in the bundle's courses only
            return cells.NOTHING
        return cells.thinkific_id(enrollment.thinkific_id)

    @display(description="Last changed in Thinkific")
    def changed_there(self, enrollment: Enrollment) -> SafeString:
        return cells.moment(enrollment.remote_updated_at)

    @display(description="In the dashboard since")
    def created(self, enrollment: Enrollment) -> SafeString:
        return cells.moment(enrollment.created_at)
