"""The first page. Administrators see the whole site, team managers their teams, students their courses."""

from typing import Any

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest
from django.urls import reverse

from core.admin.kit.open_pages import list_url
from core.admin.kit.viewer import viewer_of
from core.admin.tools.sync_everything import SyncEverything
from core.models import Enrollment, OutboxEntry, Team, User
from core.permissions import scope
from core.services.site import sync_state
from integrations.models import ConnectionState, SyncRun
from integrations.progress import describe
from integrations.thinkific.client.credentials import REST, Credentials
from project.overview.activity import chart
from project.overview.attention import site_items, team_items
from project.overview.figures import my_learning, site_figures, team_figures
from project.overview.remember import remember

RECENT_RUNS = 8
SHOWN_TEAMS = 12
MANY_WAIT = 1000  # waiting changes are counted up to this number


def first_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    user = viewer_of(request)
    if user.sees_everything:
        return context | _site_page(user)
    if user.has_perm("core.view_team"):
        return context | _team_page(user)
    return context | {"page": "dashboard/my_learning.html", "title": "My learning"} | my_learning(user)


def _site_page(user: User) -> dict[str, Any]:
    credentials = Credentials.from_settings()
    recent = SyncRun.objects.select_related("started_by", "impersonation__impersonator").order_by("-id")[
        :RECENT_RUNS
    ]
    states = list(sync_state.states().values())
    surfaces = list(ConnectionState.objects.order_by("id"))
    return {
        "page": "dashboard/overview.html",
        "connected": credentials.complete,
        "missing": credentials.missing,
        "site_name": credentials.site,
        "is_thinkific": settings.THINKIFIC_API_URL == "https://api.thinkific.com",
        "settings_url": _settings_url(user),
        "runs_url": list_url(SyncRun),
        "waiting_url": list_url(OutboxEntry),
        "may_run": scope.may_start_runs(user),
        "surfaces": surfaces,
        "refused": [state for state in surfaces if state.surface == REST and not state.ok],
        "waiting": OutboxEntry.objects.filter(status=OutboxEntry.Status.PENDING)[:MANY_WAIT].count(),
        "many_wait": MANY_WAIT,
        "states": states,
        "sync_now": SyncEverything(viewer=user, obj=len(states)),
        "recent_runs": [{"run": run, "shown": describe(run)} for run in recent],
        "attention": site_items(),
        "figures": site_figures(),
        "activity": remember("activity", lambda: chart(Enrollment.objects.all(), with_changes=True)),
    }


def _settings_url(user: User) -> str:
    """Returns the address where the keys are entered; empty for viewers who may not."""
    if not scope.holds_for_the_site(user, "core.change_sitesettings"):
        return ""
    return reverse("admin:core_sitesettings_change", args=[1]) + "?tab=thinkific"


def _team_page(user: User) -> dict[str, Any]:
    teams = user.managed_teams().current()
    enrollments = Enrollment.objects.of_teams(teams)
    return {
        "page": "dashboard/teams_overview.html",
        "attention": team_items(user),
        "figures": team_figures(user),
        "teams": Team.objects.visible_to(user)
        .current()
        .annotate(member_count=Count("memberships"))
        .select_related("owner")
        .order_by("name", "id")[:SHOWN_TEAMS],
        "activity": remember(f"activity:{user.pk}", lambda: chart(enrollments, with_changes=False)),
    }
