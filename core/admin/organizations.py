"""Organizations: the teams of one customer under one management."""

from django.contrib import admin
from django.db.models import OuterRef, QuerySet

from core.admin.kit import cells
from core.admin.kit.lists.columns import column, count_column
from core.admin.kit.lists.lists import CappedCount, amount
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.tabs import Tab
from core.models import Membership, Organization, Team, User


def teams_in(organization: Organization, viewer: User) -> QuerySet[Team]:
    members = CappedCount(Membership.objects.filter(team=OuterRef("pk")))
    teams = Team.objects.visible_to(viewer).filter(organization=organization)
    return teams.select_related("owner").annotate(members_counted=members).order_by("name", "id")


@admin.register(Organization)
class OrganizationAdmin(SitewideAdmin):
    organization_name = column("Name", "name", cells.text)
    summary = column("Description", "description", cells.text)
    description_full = column("Description", "description", cells.whole)
    team_count = count_column("Teams", lambda viewer: Team.objects, "organization")
    created = column("Created At", "created_at", cells.moment)

    list_display = ["organization_name", "summary", "team_count", "created"]
    search_fields = ["folded"]
    search_help_text = "Search by name"
    ordering = ["name", "id"]
    fields = ["organization_name", "description_full", "team_count", "created"]
    tabs = (
        Tab(
            "teams",
            "Teams",
            teams_in,
            [
                column("Team", cells.link),
                column("Owner", "owner", cells.link),
                column("Members", "members_counted", amount),
                created,
            ],
            "No team belongs to this organization.",
            permission="core.view_team",
        ),
    )
    empty_text = "An organization groups the teams of one customer under one management."
