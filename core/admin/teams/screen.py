"""Teams: the list, and the page of a team."""

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from core.admin.imports.access import may_import_into
from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import link_button, opens
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column, count_column
from core.admin.kit.lists.filters import choice_filter, related_filter
from core.admin.kit.viewer import viewer_of
from core.admin.seats.assigning import TEAM_SEAT_DIALOGS
from core.admin.short_links import SHORT_LINK_DIALOGS
from core.admin.teams.dialogs import TEAM_DIALOGS, AddTeam
from core.admin.teams.tabs import TEAM_TABS
from core.models import (
    GroupAssignment,
    Membership,
    SeatAssignment,
    Team,
    User,
)
from core.pills import pill
from core.services.teams.personal import is_personal


@admin.register(Team)
class TeamAdmin(ExportingAdmin, HistoryAdmin):
    team_name = column(
        "Team Name",
        lambda t: cells.badged(t.name, pill("Archived") if t.archived_at else ""),
        sort="plain",
        in_file="name",
    )
    summary = column("Description", "description", cells.text, sort=True)
    summary_full = column("Description", "description", cells.whole)
    member_count = count_column("Member Count", lambda viewer: Membership.objects, "team", sort=True)
    created = column("Created At", "created_at", cells.moment, sort=True)
    owner_name = column("Owner", "owner.get_full_name", cells.text, sort="owner__name")
    owner_link = column("Owner", "owner", cells.link)
    organization_name = column("Organization", "organization", cells.text, sort="organization__name")
    seat_count = count_column("Seats", lambda viewer: SeatAssignment.objects, "team", sort=True)
    group_count = count_column("Groups", lambda viewer: GroupAssignment.objects, "team", sort=True)
    limit_of_members = column(
        "Most students", lambda t: "No limit" if t.max_members is None else str(t.max_members)
    )
    personal = column("Personal team of its owner", is_personal, cells.yes_no)

    for_managers = ("team_name", "summary", "member_count", "created")
    for_administrators = ("owner_name", "organization_name", "seat_count", "group_count")
    list_display = [*for_managers, *for_administrators]
    list_filter = [
        related_filter(Team, "organization"),
        choice_filter(
            "state",
            {
                "current": ("Current", Q(archived_at__isnull=True)),
                "archived": ("Archived", Q(archived_at__isnull=False)),
            },
        ),
    ]
    list_select_related = ["owner", "organization"]
    search_fields = ["folded"]
    search_help_text = "Search by team name"
    ordering = ["plain", "id"]
    few_rows = True
    tabs = TEAM_TABS
    export_columns = (column("Archived", "archived_at"),)
    first_tab_title = "Configuration"
    dialogs = (*TEAM_DIALOGS, *TEAM_SEAT_DIALOGS, *SHORT_LINK_DIALOGS)
    add_team = opens(AddTeam, variant=ActionVariant.PRIMARY)
    actions_list = ("add_team", "export")
    fields = [
        "team_name",
        "summary_full",
        "owner_link",
        "organization_name",
        "member_count",
        "limit_of_members",
        "personal",
        "created",
    ]
    empty_text = "Teams are the groups of people at your customers. They hold seats, and seats give courses."

    def page_links(self, obj: Team, viewer: User, tab: str) -> list[SafeString]:
        if tab != "users" or not may_import_into(viewer, obj):
            return []
        url = f"{reverse('admin:import_new')}?team={obj.pk}"
        return [link_button(url, "CSV Upload", icon="upload_file")]

    def get_list_display(self, request: HttpRequest) -> list[str]:
        others = self.for_administrators if viewer_of(request).sees_everything else ()
        return [*self.for_managers, *others]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Returns the filters; that by organization is for viewers who see organizations."""
        organization, state = self.list_filter
        return [organization, state] if viewer_of(request).sees_everything else [state]
