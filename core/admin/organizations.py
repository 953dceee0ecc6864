"""Organizations: the teams of one customer under one management."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
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
                ("Team", lambda t: cells.link(t)),
                ("Owner", lambda t: cells.link(t.owner)),
                ("Members", lambda t: amount(t.members_counted)),
                ("Created At", lambda t: cells.moment(t.created_at)),
            ],
            "No team belongs to this organization.",
            permission="core.view_team",
        ),
    )
    empty_text = "An organization groups the teams of one customer under one management."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        teams = CappedCount(Team.objects.filter(organization=OuterRef("pk")))
        return super().get_queryset(request).annotate(teams_counted=teams)

    @display(description="Name")
    def organization_name(self, organization: Organization) -> SafeString:
        return cells.text(organization.name)

    @display(description="Description")
    def summary(self, organization: Organization) -> SafeString:
        return cells.text(organization.description)

    @display(description="Description")
    def description_full(self, organization: Organization) -> str | SafeString:
        return organization.description or cells.NOTHING

    @display(description="Teams")
    def team_count(self, organization: Any) -> str:
        return amount(organization.teams_counted)

    @display(description="Created At")
    def created(self, organization: Organization) -> SafeString:
        return cells.moment(organization.created_at)
