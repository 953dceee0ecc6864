"""Thinkific's groups: which teams they serve in which direction, who is in them, whether all is synced."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, OuterRef, QuerySet, When
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.groups.dialogs import GROUP_DIALOGS, QuickAssignTeam, SyncGroups
from core.admin.kit import cells
from core.admin.kit.base import DashboardAdmin
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.dialogs.dialog import button, url_of
from core.admin.kit.lists.filters import ChoiceFilter, RelatedFilter
from core.admin.kit.lists.lists import CappedCount, amount
from core.admin.kit.sync import in_thinkific
from core.admin.kit.sync.sending import sending, with_sending
from core.admin.kit.tabs import Tab
from core.admin.kit.viewer import viewer_of
from core.models import GroupAssignment, GroupMembership, Team, ThinkificGroup, User
from core.services import groups


class TeamFilter(RelatedFilter):
    title = "team"
    parameter_name = "team"
    foreign_key = (GroupAssignment, "team")

    def matching(self, queryset: QuerySet, target: Team) -> QuerySet:
        return queryset.filter(pk__in=GroupAssignment.objects.filter(team=target).values("group"))


class StatusFilter(ChoiceFilter):
    title = "status"
    parameter_name = "status"
    choices_offered = (("full", "Full"), ("active", "Active"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(is_pending=value == "active", removed_at__isnull=True)


class PresenceFilter(ChoiceFilter):
    title = "exists"
    parameter_name = "exists"
    choices_offered = (("both", "Here and in Thinkific"), ("here", "Here only"), ("removed", "Removed there"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        if value == "removed":
            return queryset.filter(removed_at__isnull=False)
        return queryset.filter(thinkific_id__isnull=value == "here", removed_at__isnull=True)


def assignments_of(group: ThinkificGroup, viewer: User) -> QuerySet[GroupAssignment]:
    assignments = GroupAssignment.objects.filter(group=group, team__in=Team.objects.visible_to(viewer))
    return assignments.select_related("team", "role").order_by("id")


def members_of(group: ThinkificGroup, viewer: User) -> QuerySet[GroupMembership]:
    """Also who was taken out here while Thinkific has yet to follow. Those with something unsent first."""
    members = GroupMembership.objects.filter(group=group).exclude(
        removed_at__isnull=False, push_state="clean"
    )
    if not viewer.sees_everything:
        members = members.filter(user__in=User.objects.visible_to(viewer))
    members = members.annotate(
        in_step=Case(When(push_state="failed", then=0), When(push_state="pending", then=1), default=2)
    )
    return with_sending(members.select_related("user").order_by("in_step", "-id"), "groupmembership")


def _why_they_stay(group: ThinkificGroup, viewer: User) -> str:
    """Why nobody can be added or taken out from here, for who may otherwise."""
    if group.removed_at is not None or not QuickAssignTeam.may(viewer, group):
        return ""
    return groups.why_nobody_leaves(group)


GROUP_TABS = (
    Tab(
        "teams",
        "Teams",
        assignments_of,
        [
            ("Team", lambda a: cells.link(a.team)),
            ("Direction", lambda a: a.get_direction_display()),
            ("Role on joining", lambda a: a.role.name if a.role else "Student"),
            ("Last synced", lambda a: cells.moment(a.last_synced_at, empty="Never")),
            ("Last error", lambda a: cells.text(a.last_error)),
        ],
        "No team is assigned to this group. Its members are mirrored, and nobody's team changes.",
        note=lambda group, viewer: (
            "The direction belongs to the assignment: the same group may be synced "
            "differently with each team."
        ),
        permission="core.view_team",
    ),
    Tab(
        "users",
        "Users",
        members_of,
        [
            ("Name", lambda m: cells.link(m.user)),
            ("Email", lambda m: cells.text(m.user.email)),
            ("Added in", lambda m: "Thinkific" if m.source == "thinkific" else "Dashboard"),
            ("Sync", lambda m: sending(m, leaves=m.removed_at is not None, in_step="In sync")),
            ("First seen", lambda m: cells.moment(m.first_seen_at)),
        ],
        "Nobody is in this group, or its members have not been synced yet.",
        note=_why_they_stay,
        permission="core.view_user",
        search="user__folded",
    ),
)


@admin.register(ThinkificGroup)
class ThinkificGroupAdmin(DashboardAdmin):
    list_display = ["title", "token_text", "thinkific", "team_count", "user_count", "status"]
    list_filter = [StatusFilter, TeamFilter, PresenceFilter]
    search_fields = ["folded", "token"]
    search_help_text = "Search by name or token"
    sortable_by = ["title"]
    ordering = ["name", "id"]
    tabs = GROUP_TABS
    dialogs = GROUP_DIALOGS
    shows_sync = True
    first_tab_title = "Group"
    sync_groups = opens(SyncGroups)
    actions_list = ("sync_groups",)
    empty_text = "Groups come from Thinkific."
    empty_how = "Use Sync Groups above."
    fieldsets = [
        (None, {"fields": ["title", "token_text", "thinkific", "where", "team_count", "user_count"]}),
        ("Sync", {"fields": ["status", "synced", "requested", "thinkific_created", "created"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        viewer = viewer_of(request)
        teams = GroupAssignment.objects.filter(group=OuterRef("pk"))
        users = GroupMembership.objects.filter(group=OuterRef("pk"), removed_at__isnull=True)
        if not viewer.sees_everything:
            teams = teams.filter(team__in=Team.objects.visible_to(viewer))
            users = users.filter(user__in=User.objects.visible_to(viewer))
        groups = super().get_queryset(request).with_pending()  # type: ignore[attr-defined]
        return groups.annotate(teams_counted=CappedCount(teams), users_counted=CappedCount(users))

    def get_list_display(self, request: HttpRequest) -> Any:
        may = QuickAssignTeam.may(viewer_of(request), None)
        return [*self.list_display, "quick_assign"] if may else self.list_display

    @display(description="Actions")
    def quick_assign(self, group: ThinkificGroup) -> SafeString:
        if group.removed_at is not None:
            return cells.NOTHING
        url = url_of(self.opts, QuickAssignTeam.slug, group.pk)
        return cells.actions([button(url, QuickAssignTeam.label, css="")])

    @display(description="Name", ordering="name")
    def title(self, group: ThinkificGroup) -> SafeString:
        return cells.named(group)

    @display(description="Token")
    def token_text(self, group: ThinkificGroup) -> SafeString:
        return cells.text(group.token)

    @display(description="Thinkific ID")
    def thinkific(self, group: ThinkificGroup) -> SafeString:
        return cells.thinkific_id(group.thinkific_id, in_thinkific.admin_page(group))

    @display(description="Teams")
    def team_count(self, group: Any) -> str:
        return amount(group.teams_counted)

    @display(description="Users")
    def user_count(self, group: Any) -> str:
        return amount(group.users_counted)

    @display(description="Status")
    def status(self, group: Any) -> SafeString:
        return sync_status(group)

    @display(description="Exists")
    def where(self, group: ThinkificGroup) -> str:
        if group.thinkific_id is None:
            return "In the dashboard only"
        return "In the dashboard; removed in Thinkific" if group.removed_at else "Here and in Thinkific"

    @display(description="Last synced")
    def synced(self, group: ThinkificGroup) -> SafeString:
        return cells.moment(group.last_synced_at, empty="Never")

    @display(description="Sync asked for")
    def requested(self, group: ThinkificGroup) -> SafeString:
        return cells.moment(group.sync_requested_at)

    @display(description="In Thinkific since")
    def thinkific_created(self, group: ThinkificGroup) -> SafeString:
        return cells.moment(group.thinkific_created_at)

    @display(description="In the dashboard since")
    def created(self, group: ThinkificGroup) -> SafeString:
        return cells.moment(group.created_at)


def sync_status(group: Any) -> SafeString:
    """Full or Active, by `with_pending`; or that it is gone."""
    if group.removed_at is not None:
        return cells.pill("Removed", "danger", title="No longer in Thinkific: nothing is synced any more.")
    if group.is_pending:
        return cells.pill("Active", "info", title="Something has yet to be synced.")
    return cells.pill("Full", "success", title="Everything is synced.")
