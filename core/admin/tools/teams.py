"""Tools, the tab Teams: all teams of the site with the actions that administrators need most."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import button, url_of
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.lists import CappedCount, amount
from core.admin.kit.tab_rows import tab_context
from core.admin.kit.tabs import Choice, Tab, TabFilter
from core.admin.kit.viewer import viewer_of
from core.admin.tools.dialogs import Tool
from core.models import GroupAssignment, Membership, Organization, SeatAssignment, Team, User
from core.permissions import scope
from core.pills import pill

ACTIONS = ("change-owner", "assign-seat", "archive", "restore")  # dialogs of the screen Teams


def may_see(viewer: User) -> bool:
    return Tool.may(viewer, None) and scope.holds_for_the_site(viewer, "core.view_team")


def all_teams(obj: Any, viewer: User) -> QuerySet[Team]:
    """Returns the teams with their counts, which are computed for the rows of a page only."""
    given = SeatAssignment.objects.filter(team=OuterRef("pk")).order_by().values("team")
    limited = Q(seat__unlimited=False)

    def of_seats(value: Any) -> Subquery:
        return Subquery(given.annotate(found=value).values("found"), output_field=IntegerField())

    teams = Team.objects.visible_to(viewer).select_related("owner", "organization")
    return teams.order_by("name", "id").annotate(
        members_counted=CappedCount(Membership.objects.filter(team=OuterRef("pk"))),
        groups_counted=CappedCount(GroupAssignment.objects.filter(team=OuterRef("pk"))),
        seats_counted=of_seats(Count("pk")),
        places_used=of_seats(Sum("seat__used_count")),
        places=of_seats(Sum("seat__max_seats", filter=limited)),
        unlimited=of_seats(Count("pk", filter=~limited)),
    )


def _seats(team: Any) -> SafeString | str:
    """Returns "34 of 50": used places and places of all seats of the team. A shared seat counts whole."""
    if not team.seats_counted:
        return cells.NOTHING
    used = team.places_used or 0
    if team.unlimited:
        return f"{used:,}, no limit"
    return f"{used:,} of {team.places or 0:,}"


def _name(team: Team) -> SafeString:
    return cells.badged_link(team, pill("Archived") if team.archived_at else "")


def _actions(viewer: User) -> Any:
    """Returns the function that makes the buttons of a row. A viewer of this page sees everything, so their
    rights are the same in all teams."""
    screen: Any = admin.site._registry[Team]
    dialogs = [dialog for slug in ACTIONS for dialog in screen.dialogs if dialog.slug == slug]
    known: dict[tuple[str, bool], bool] = {}

    def may(dialog: Any, team: Team) -> bool:
        key = (dialog.slug, team.archived_at is None)
        if key not in known:
            known[key] = dialog.may_now(viewer, team)
        return known[key]

    def of(team: Team) -> SafeString:
        offered = [dialog for dialog in dialogs if dialog.applies(team) and may(dialog, team)]
        return cells.actions(
            [button(url_of(screen.opts, dialog.slug, team.pk), dialog.label, css="") for dialog in offered]
        )

    return of


CURRENT, ARCHIVED = Choice(1, "Current"), Choice(2, "Archived")
FILTERS = (
    TabFilter(
        "organization",
        "Organization",
        lambda _, viewer: Organization.objects.order_by("name", "id"),
        lambda teams, key, _, viewer: teams.filter(organization=key),
    ),
    TabFilter(
        "state",
        "State",
        lambda _, viewer: (CURRENT, ARCHIVED),
        lambda teams, key, _, viewer: teams.filter(
            archived_at__isnull=key == CURRENT.pk, pk__isnull=key not in {CURRENT.pk, ARCHIVED.pk}
        ),
    ),
)


def _tab(viewer: User) -> Tab:
    return Tab(
        "teams",
        "Teams",
        all_teams,
        [
            column("Team Name", _name, sort="name"),
            column("Owner", "owner", cells.link, sort="owner__name"),
            column("Organization", "organization", cells.link, sort="organization__name"),
            column("Members", "members_counted", amount, sort=True),
            column("Seats used", _seats, sort="places_used"),
            column("Groups", "groups_counted", amount, sort=True),
            column("Created At", "created_at", cells.moment, sort=True),
            column("Actions", _actions(viewer)),
        ],
        "There is no team yet. Add one on the page Teams.",
        search="folded",
        search_hint="Search by team name",
        filters=FILTERS,
    )


class _Page:
    """What `tab_context` asks of a screen: here the buttons of a row are a column."""

    dialogs = ()


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    viewer = viewer_of(request)
    if not may_see(viewer):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": "Tools",
        "media": admin.site._registry[Team].media,
        "shows_teams": True,
        "shows_csv": scope.holds(viewer, "tools.csv"),
        **tab_context(_tab(viewer), Team(), request, _Page),
    }
    return TemplateResponse(request, "dashboard/tools_teams.html", context)
