"""Enrollments: students, their courses and bundles, progress, and end of access."""

from typing import Any

from django.contrib import admin
from django.db.models import DecimalField, Prefetch, Q, QuerySet, Value
from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.admin.enrollments.columns import COMPLETED, COURSE_LINK, EXPIRES, PROGRESS, SORTED_STATUS, STATUS
from core.admin.enrollments.dialogs import ENROLLMENT_DIALOGS
from core.admin.kit import cells
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import Reads, column
from core.admin.kit.lists.filters import Choices, choice_filter, organization_filter, related_filter
from core.admin.kit.lists.student_lists import (
    PRODUCT,
    PRODUCT_IN_FILE,
    STUDENT,
    TEAM_FILTER,
    FoundByStudent,
)
from core.admin.kit.sync.sending import with_sending
from core.admin.kit.tabs import Tab
from core.admin.kit.viewer import viewer_of
from core.admin.products.known_bundles import with_shown_bundles
from core.models import Enrollment, Lesson, QuizResult, User
from core.models.catalog import product_name
from core.models.enrollments import COMPLETED as COMPLETED_ONCE
from core.pills import pill
from core.services.enrollments import seat_access

# --- curriculum ---------------------------------------------------------------------------------------


def lessons_of(enrollment: Enrollment, viewer: User) -> QuerySet[Lesson]:
    """Returns the course's lessons, each with the student's quiz results (`quiz.shown_results`) and
    `fraction`, the progress of the whole course."""
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
    """Returns the progress of a lesson as far as it is known: from its quiz result, or when the whole course
    is at 0 or 100 %."""
    results = lesson.quiz.shown_results if lesson.quiz_id else []
    if results and results[0].completed_at:
        return cells.yes_no(results[0].passed, yes="Passed", no="Not passed")
    if lesson.fraction >= 1:
        return pill("Completed")
    if lesson.fraction <= 0:
        return pill("Not started")
    return cells.NOTHING


def curriculum_note(enrollment: Enrollment, viewer: User) -> str:
    percent = int(enrollment.percentage_completed * 100)
    return (
        f"{percent} % of this course is complete. Thinkific sends one percentage for an enrollment and quiz "
        "results, but not which lesson was finished. Lessons without a known progress show none."
    )


def courses_in(enrollment: Enrollment, viewer: User) -> QuerySet[Enrollment]:
    rows = Enrollment.objects.filter(via_bundle=enrollment).visible_to(viewer).with_status()
    return with_sending(rows.select_related("product").order_by("id"), "enrollment")


ENROLLMENT_TABS = (
    Tab(
        "curriculum",
        "Curriculum",
        lessons_of,
        [
            column("Chapter", "chapter", cells.text),
            column("Lesson", str, cells.text),
            column("Kind", "content_type", cells.lesson_kind),
            column("Progress", lesson_progress),
        ],
        "The chapters and lessons of this course have not been synced yet. They arrive with the next sync of "
        "the products.",
        note=curriculum_note,
        applies=lambda enrollment: not enrollment.product.is_bundle,
    ),
    Tab(
        "courses",
        "Courses",
        courses_in,
        [COURSE_LINK, PROGRESS, SORTED_STATUS, COMPLETED],
        "No course enrollments have come from this bundle yet. Thinkific makes them a moment after it.",
        applies=lambda enrollment: enrollment.product.is_bundle,
    ),
)


def _whose(viewer: User) -> Choices:
    """Returns the choices for team viewers, whose list has their own enrollments too."""
    if viewer.sees_everything:
        return {}
    teams = viewer.managed_teams().current()
    return {
        "teams": ("My teams, in the products of their seats", lambda rows: rows.of_teams(teams)),
        "own": ("Myself", Q(user=viewer)),
    }


def _via_bundle(enrollment: Any) -> SafeString:
    known = enrollment.via_bundle is not None and enrollment.shows_bundle
    return cells.text(enrollment.via_bundle.product) if known else cells.NOTHING


def _bundle_in_file(shown: bool, name: str | None, kind: str | None, number: int | None) -> str:
    return product_name(name or "", kind, number) if shown and kind and number is not None else ""


BUNDLE_IN_FILE = Reads(("shows_bundle", *(f"via_bundle__{name}" for name in PRODUCT)), _bundle_in_file)


def _thinkific_id(enrollment: Enrollment) -> SafeString:
    if enrollment.product.is_bundle:  # Thinkific keeps enrollments in the bundle's courses only
        return cells.NOTHING
    return cells.thinkific_id(enrollment.thinkific_id)


@admin.register(Enrollment)
class EnrollmentAdmin(FoundByStudent, ExportingAdmin, HistoryAdmin):
    course = column("Course", "product", cells.text, in_file=PRODUCT_IN_FILE)
    course_link = column("Course", "product", cells.link)
    status_now = STATUS
    progress = PROGRESS
    activated = column("Activated", "activated_at", cells.moment, sort=True, empty="Not yet", ahead=True)
    expires = EXPIRES
    came_from = column("Origin", "get_origin_display")
    via_bundle_name = column("Via bundle", _via_bundle, in_file=BUNDLE_IN_FILE)
    seat_link = column("Seat", "last_seat", cells.link)
    given_by = column("Given by", "giver")
    started = column("Started", "started_at", cells.moment, empty="Not yet")
    completed = column("Completed", "completed_at", cells.moment, empty="Not yet")
    free_trial = column("Free trial", "is_free_trial", cells.yes_no)
    thinkific = column("Thinkific ID", _thinkific_id)
    changed_there = column("Last changed in Thinkific", "remote_updated_at", cells.moment)
    created = column("In the dashboard since", "created_at", cells.moment)

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
    list_filter = [
        choice_filter(
            "status", dict(Enrollment.Status.choices), matching=lambda rows, status: rows.in_status(status)
        ),
        related_filter(Enrollment, "product", title="course or bundle"),
        TEAM_FILTER,
        organization_filter(lambda enrollments, teams: enrollments.of_teams(teams)),
        choice_filter("whose", _whose, title="learning of"),
        choice_filter("completed", {"yes": ("Yes", COMPLETED_ONCE), "no": ("Not yet", ~COMPLETED_ONCE)}),
        choice_filter(
            "expires",
            {days: f"Within {days} days" for days in ("7", "30", "90")},
            title="end of access",
            matching=lambda rows, days: rows.ending_within(int(days)),
        ),
    ]
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
    ordering = ["-id"]
    tabs = ENROLLMENT_TABS
    dialogs = ENROLLMENT_DIALOGS
    shows_sync = True
    empty_text = "For a team, enrollments are those of its members in the products it has seats on."
    empty_how = "They appear here when Thinkific is synced: open Tools and choose Sync Enrollments."
    export_columns = (
        started,
        completed,
        column("Thinkific ID", "thinkific_id"),
        free_trial,
        changed_there,
        created,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Annotate `shows_bundle`: whether the viewer may see the bundle that a course came with."""
        return with_shown_bundles(super().get_queryset(request), viewer_of(request))

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.with_status()  # type: ignore[attr-defined]

    def get_object(self, request: HttpRequest, object_id: Any, from_field: Any = None) -> Any:
        enrollment = super().get_object(request, object_id, from_field)
        viewer = viewer_of(request)
        if enrollment is not None and not viewer.sees_everything:
            enrollment.giver = seat_access.giver(viewer, enrollment)
        return enrollment

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        access = ["student_link", "course_link", "status_now", "activated", "expires", "via_bundle_name"]
        if viewer_of(request).sees_everything:
            access.append("seat_link")  # its name is internal, and the seat may be another team's
        elif obj is not None and obj.user_id != viewer_of(request).pk:
            access.append("given_by")
        learning = ["progress", "started", "completed", "free_trial"]
        source = ["thinkific", "came_from", "changed_there", "created"]
        return [
            (None, {"fields": access}),
            ("Learning", {"fields": learning}),
            ("Source", {"fields": source}),
        ]
