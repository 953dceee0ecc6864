"""The numbers at the top of the first page."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from core.admin.kit.lists.lists import COUNTED, amount, table_total
from core.admin.kit.open_pages import list_url
from core.admin.kit.sync.in_thinkific import course_page, learning_page
from core.models import Certificate, Enrollment, Membership, Seat, Team, User
from core.services.teams import figures
from core.wording import plural
from project.overview.remember import remember

RECENT = timedelta(days=30)


@dataclass(frozen=True)
class Figure:
    label: str
    value: str
    note: str = ""
    url: str = ""
    icon: str = ""


def site_figures() -> list[Figure]:
    """Returns the figures of the whole site, for administrators. Large tables are estimated, not counted."""
    certificates = remember("certificates", lambda: _size(Certificate.objects.all()))
    return [
        Figure("People", _size(User.objects.all()), url=list_url(User), icon="person"),
        Figure("Teams", _size(Team.objects.all()), url=list_url(Team), icon="groups"),
        Figure(
            "Enrollments", _size(Enrollment.objects.all()), url=list_url(Enrollment), icon="assignment_ind"
        ),
        Figure("Certificates", certificates, url=list_url(Certificate), icon="workspace_premium"),
    ]


def team_figures(user: User) -> list[Figure]:
    """Returns the figures of the teams that the team manager manages. What the manager learns outside of the
    products of their seats does not count."""
    teams = user.managed_teams().current()
    found = figures.of(teams)
    students = Membership.objects.filter(team__in=teams, role__code="student").order_by().values("user")
    new = Enrollment.objects.of_teams(teams).filter(activated_at__gte=timezone.now() - RECENT).order_by()
    learning = Figure(
        "Enrollments",
        amount(found.enrollments),
        f"{amount(new[: COUNTED + 1].count())} new in 30 days",
        list_url(Enrollment, "whose=teams"),
        "assignment_ind",
    )
    shown = [
        Figure(
            "Students",
            f"{students.distinct().count():,}",
            url=list_url(User, "whose=students"),
            icon="groups",
        ),
        learning,
    ]
    if found.completed is not None:
        part = f"{_part(found.completed, found.enrollments)} of the enrollments" if found.enrollments else ""
        completed = list_url(Enrollment, "whose=teams&completed=yes")
        shown.append(Figure("Completed", f"{found.completed:,}", part, completed, "task_alt"))
    return [*shown, _places(found)]


def _places(found: figures.Figures) -> Figure:
    used, on = f"{found.places_used:,}", f"on {plural(found.seats, 'seat')}"
    if not found.unlimited:
        used = f"{used} of {found.places:,}"
    elif found.unlimited == found.seats:
        on = f"{on} without a limit"
    else:
        on = f"{on}, of which {found.unlimited:,} without a limit"
    return Figure("Places used", used, on, list_url(Seat, "whose=teams"), "event_seat")


def my_learning(user: User) -> dict[str, Any]:
    """Returns a student's enrollments, quiz results and certificates, for the template "My learning"."""
    enrollments = list(
        user.enrollments.filter(removed_at__isnull=True, via_bundle__isnull=True)
        .select_related("product")
        .order_by("-activated_at", "-id")[:100]
    )
    results = (
        user.quiz_results.filter(removed_at__isnull=True).with_courses().order_by("-completed_at", "-id")[:50]
    )
    certificates = list(
        user.certificates.filter(removed_at__isnull=True)
        .select_related("product")
        .order_by("-issued_at", "-id")[:50]
    )
    return {
        "enrollments": [
            {
                "shown": enrollment,
                "url": (course_page if enrollment.status == "expired" else learning_page)(enrollment.product),
                "percent": max(0, min(100, int(enrollment.percentage_completed * 100))),
            }
            for enrollment in enrollments
        ],
        "quiz_results": results,
        # Only http and https become a link, as the text comes from Thinkific.
        "certificates": [
            {
                "shown": certificate,
                "url": certificate.url if _is_web(certificate.url) else "",
                "course_url": course_page(certificate.product),
            }
            for certificate in certificates
        ],
    }


def _is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def _size(queryset: QuerySet[Any]) -> str:
    """Returns the exact count up to COUNTED, and the database's own estimate for larger tables."""
    counted = queryset.order_by()[: COUNTED + 1].count()
    if counted <= COUNTED:
        return f"{counted:,}"
    total = table_total(queryset)
    return _short(total) if total > COUNTED else amount(counted)


def _short(total: int) -> str:
    """`12,400`, `318,000`, `1.02 million`: three significant digits, as the number is an estimate."""
    if total >= 1_000_000:
        return f"{total / 1_000_000:.3g} million"
    digits = len(str(total)) - 3
    return f"{round(total, -digits):,}"


def _part(part: int, whole: int) -> str:
    return f"{100 * part // whole}\u00a0%"
