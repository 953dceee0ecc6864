"""The tabs of a user's page: enrollments, quizzes, teams, groups."""

from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core import moments
from core.admin import quiz_results
from core.admin.enrollments.columns import COMPLETED, EXPIRES, PROGRESS, SORTED_STATUS
from core.admin.groups.screen import LAST_SYNCED, sync_status
from core.admin.kit import cells
from core.admin.kit.lists.columns import column
from core.admin.kit.sync import in_thinkific
from core.admin.kit.sync.sending import sending, with_sending
from core.admin.kit.tabs import Tab
from core.admin.openings import OPENINGS_TAB
from core.admin.products.known_bundles import with_shown_bundles
from core.admin.users.dialogs.overrides import role_of
from core.models import (
    Enrollment,
    GroupAssignment,
    GroupMembership,
    Lesson,
    Membership,
    Note,
    QuizResult,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions import scope


def enrollments_of(user: User, viewer: User) -> QuerySet[Enrollment]:
    rows = Enrollment.objects.filter(user=user).visible_to(viewer).with_status()
    rows = rows.annotate(enrolled_at=Coalesce("activated_at", "thinkific_created_at", "created_at"))
    known = with_shown_bundles(rows.select_related("product", "via_bundle__product"), viewer)
    return with_sending(known.defer("product__description", "via_bundle__product__description"), "enrollment")


def course_of(enrollment: Any) -> SafeString:
    """Returns the course, linked to Thinkific if its address is known, otherwise to the enrollment; and the
    bundle that it came with, if the viewer may see that."""
    page = in_thinkific.course_page(enrollment.product)
    lines = [
        cells.in_thinkific(page, str(enrollment.product))
        if page
        else cells.link(enrollment, str(enrollment.product))
    ]
    if enrollment.via_bundle is not None and enrollment.shows_bundle:
        lines.append(cells.second(f"In the bundle {enrollment.via_bundle.product}"))
    if page:
        lines.append(cells.page_link(enrollment, "Enrollment"))
    return cells.lines(lines) if len(lines) > 1 else lines[0]


def who_may_end(user: User, viewer: User) -> str:
    """Returns which rows get actions, for viewers who get them for some only."""
    if viewer.sees_everything or viewer.pk == user.pk:
        return ""
    said = []
    if scope.teams_where(viewer, "enrollments.delete").filter(memberships__user=user).exists():
        said.append("You can end access that a seat of your teams gave and that has not ended yet.")
    if scope.teams_where(viewer, "enrollments.extend").filter(memberships__user=user).exists():
        said.append("You can change the end date of access that an extendable seat of your teams gave.")
    if not said:
        return "You cannot end or extend this person's access: your role here does not allow it."
    return f"{' '.join(said)} Open an enrollment to see who gave it."


def no_enrollments(user: User, viewer: User) -> str:
    if viewer.sees_everything:
        return "No enrollments. All enrollments of this person are listed here, from every source."
    if viewer.pk == user.pk:
        return "No enrollments."
    return "No enrollments in the products that your teams have seats on."


def no_notes(user: User, viewer: User) -> str:
    may_write = scope.people_with_notes(viewer, "notes.create").filter(pk=user.pk).exists()
    return "No notes. Write down what others should know about this person." if may_write else "No notes."


def quiz_results_of(user: User, viewer: User) -> QuerySet[QuizResult]:
    """Returns the results with `first_course`: the name of the course that their cell begins with."""
    lessons = Lesson.objects.not_removed().filter(quiz=OuterRef("quiz")).order_by("chapter__product", "pk")
    of_lesson = Subquery(lessons.values("chapter__product__name")[:1])
    first = Coalesce("quiz__product__name", of_lesson)
    return QuizResult.objects.with_courses().annotate(first_course=first).filter(user=user).visible_to(viewer)


def memberships_of(user: User, viewer: User) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user).visible_to(viewer).select_related("team", "role")


def groups_of(user: User, viewer: User) -> QuerySet[ThinkificGroup]:
    """Returns the user's groups with `member` (primary key of the membership), `shown_assignments` (to teams
    that the viewer may see) and `first_direction`, that of the first of these. Includes groups that the user
    was removed from, until the removal is sent."""
    assignments = GroupAssignment.objects.filter(team__in=Team.objects.visible_to(viewer))
    assignments = assignments.order_by("team__name", "pk")
    first = assignments.filter(group=OuterRef("pk")).values("direction")[:1]
    shown = GroupMembership.objects.filter(user=user).exclude(removed_at__isnull=False, push_state="clean")
    groups = ThinkificGroup.objects.visible_to(viewer).filter(pk__in=shown.values("group"))
    mine = GroupMembership.objects.filter(user=user, group=OuterRef("pk")).order_by()
    groups = groups.with_pending().annotate(
        member=Subquery(mine.values("pk")),
        push_state=Subquery(mine.values("push_state")),
        taken_out_at=Subquery(mine.values("removed_at")),
        first_direction=Subquery(first),
    )
    return with_sending(groups, "groupmembership", key="member").prefetch_related(
        Prefetch("assignments", assignments.select_related("team"), to_attr="shown_assignments")
    )


def directions(group: Any) -> SafeString:
    """Returns one line per team, because the direction belongs to a group's assignment, not to the group."""
    if not group.shown_assignments:
        return format_html('<span class="cell-nothing">{}</span>', "Assigned to no team")
    return format_html_join(
        "",
        '<span class="cell-line">{}: {}</span>',
        ((cells.text(a.team.name), a.get_direction_display()) for a in group.shown_assignments),
    )


def notes_of(user: User, viewer: User) -> QuerySet[Note]:
    return scope.notes_where(viewer, "notes.view").filter(user=user).select_related("author", "team")


def _has_notes(user: User, viewer: User) -> bool:
    return scope.people_with_notes(viewer, "notes.view").filter(pk=user.pk).exists()


def _author(note: Note) -> SafeString:
    who = cells.done_by(note, "author")
    return cells.with_second(who, f"for {note.team}") if note.team else who


def _written(note: Note) -> SafeString:
    if note.edited_at is None:
        return cells.moment(note.created_at)
    edited = f"Changed {moments.day(note.edited_at)}"
    return cells.with_second(cells.moment(note.created_at), edited)


USER_TABS = (
    Tab(
        "enrollments",
        "Enrollments",
        enrollments_of,
        [
            column("Course", course_of, sort="product__name"),
            column(
                "Enrolled",
                "enrolled_at",
                cells.moment,
                sort=True,
                ahead=True,
            ),
            PROGRESS,
            SORTED_STATUS,
            COMPLETED,
            EXPIRES,
        ],
        no_enrollments,
        note=who_may_end,
        permission="core.view_enrollment",
    ),
    Tab(
        "quizzes",
        "Quizzes",
        quiz_results_of,
        [
            column("Quiz", "quiz", cells.text, sort="quiz__name"),
            column("Course", "quiz", quiz_results.course_cell, sort="first_course"),
            column("Score", "score", quiz_results.score_text, sort="grade"),
            column("Result", "passed", cells.yes_no, sort=True, yes="Passed", no="Not passed"),
            column("Attempts", "attempts", sort=True),
            quiz_results.COMPLETED,
        ],
        "No quiz results. They arrive from Thinkific when this person finishes a quiz.",
        permission="core.view_quizresult",
    ),
    Tab(
        "teams",
        "Teams",
        memberships_of,
        [
            column("Team", "team", cells.link, sort="team__name"),
            column("Role", role_of, sort="role__name"),
            column("Joined", "joined_at", cells.moment, sort=True),
        ],
        "In no team.",
        permission="core.view_membership",
    ),
    Tab(
        "groups",
        "Groups",
        groups_of,
        [
            column("Group", cells.link, sort="name"),
            column(
                "Membership",
                lambda g: sending(g, leaves=g.taken_out_at is not None, in_step="In sync"),
                sort="push_state",
            ),
            column("Sync status", sync_status, sort="is_pending"),
            column("Sync direction", directions, sort="first_direction"),
            LAST_SYNCED,
        ],
        "In no Thinkific group.",
        permission="core.view_thinkificgroup",
    ),
    Tab(
        "notes",
        "Notes",
        notes_of,
        [
            column("Note", "text", cells.long_text),
            column("Author", _author, sort="author__name"),
            column("Written", _written, sort="created_at"),
        ],
        no_notes,
        permission="core.view_note",
        may_see=_has_notes,
    ),
    OPENINGS_TAB,
)
