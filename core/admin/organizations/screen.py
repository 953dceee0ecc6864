"""Organizations: the teams of one customer under one management, and their figures together."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column, count_column
from core.admin.kit.lists.lists import CappedCount, amount
from core.admin.kit.open_pages import list_url
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.tabs import Tab
from core.admin.organizations.dialogs import ORGANIZATION_DIALOGS, AddOrganization, AssignTeams, RemoveTeams
from core.models import Enrollment, Membership, Organization, Seat, Team, User
from core.pills import pill
from core.services.teams import figures
from core.wording import plural


def teams_in(organization: Organization, viewer: User) -> QuerySet[Team]:
    members = CappedCount(Membership.objects.filter(team=OuterRef("pk")))
    teams = Team.objects.visible_to(viewer).filter(organization=organization)
    return teams.select_related("owner").annotate(members_counted=members).order_by("name", "id")


def _team(team: Team) -> SafeString:
    return cells.badged_link(team, pill("Archived") if team.archived_at else "")


def _figures(organization: Any) -> figures.Figures:
    """Returns the figures, which several columns of the page show; they are read once."""
    if not hasattr(organization, "figures"):
        organization.figures = figures.of(organization.teams.current())
    found: figures.Figures = organization.figures
    return found


def _people(organization: Organization) -> SafeString | str:
    return _leading_to(User, organization, amount(_figures(organization).people, figures.COUNTED))


def _places(organization: Organization) -> SafeString | str:
    """Returns "84 of 120 used, on 9 seats"."""
    found = _figures(organization)
    if not found.seats:
        return "No seats"
    used = f"{found.places_used:,} of {found.places:,} used"
    if found.unlimited == found.seats:
        used = f"{found.places_used:,} used, no limit"
    elif found.unlimited:
        used = f"{found.places_used:,} used, {found.places:,} in seats with a limit"
    return format_html("{}, on {}", used, _leading_to(Seat, organization, plural(found.seats, "seat")))


def _progress(organization: Organization) -> SafeString | str:
    found = _figures(organization)
    if not found.enrollments:
        return "No enrollments"
    many = amount(found.enrollments, figures.COUNTED)
    held = _leading_to(Enrollment, organization, f"{many} enrollments")
    if found.completed is None or found.progress is None:
        return format_html("{}: too many to add up here", held)
    completed = _leading_to(Enrollment, organization, f"{found.completed:,} completed", "&completed=yes")
    # One element, so that it stays one line below the bar.
    return cells.lines([cells.progress(found.progress), format_html("<span>{}, {}</span>", held, completed)])


def _leading_to(model: Any, organization: Organization, label: str, more: str = "") -> SafeString | str:
    """Returns the label as a link to the list with the rows that the figure counts."""
    url = list_url(model, f"organization={organization.pk}{more}")
    return format_html('<a class="cell-link" href="{}">{}</a>', url, label) if url else label


def _no_teams(organization: Organization, viewer: User) -> str:
    said = "No team belongs to this organization."
    return f"{said} Assign teams with the button above." if AssignTeams.may(viewer, organization) else said


@admin.register(Organization)
class OrganizationAdmin(SitewideAdmin, ExportingAdmin, HistoryAdmin):
    organization_name = column("Name", "name", cells.text, sort="plain")
    summary = column("Description", "description", cells.text, sort=True)
    description_full = column("Description", "description", cells.whole)
    team_count = count_column("Teams Count", lambda viewer: Team.objects, "organization", sort=True)
    created = column("Created At", "created_at", cells.moment, sort=True)
    people = column("People", _people)
    places = column("Places in seats", _places)
    progress = column("Progress", _progress)

    list_display = ["organization_name", "summary", "team_count", "created"]
    search_fields = ["folded"]
    search_help_text = "Search by name"
    ordering = ["plain", "id"]
    few_rows = True
    fields = [
        "organization_name",
        "description_full",
        "team_count",
        "people",
        "places",
        "progress",
        "created",
    ]
    dialogs = ORGANIZATION_DIALOGS
    add_organization = opens(AddOrganization, variant=ActionVariant.PRIMARY)
    actions_list = ("add_organization", "export")
    tabs = (
        Tab(
            "teams",
            "Teams",
            teams_in,
            [
                column("Team", _team, sort="plain"),
                column("Owner", "owner", cells.link, sort="owner__name"),
                column("Members", "members_counted", amount, sort=True),
                created,
            ],
            _no_teams,
            permission="core.view_team",
            search="folded",
            search_hint="Search by team name",
            actions=(RemoveTeams,),
        ),
    )
    empty_text = "An organization groups the teams of one customer under one management."
