"""Thinkific's groups: their assignments to teams, their members, and whether everything is synced."""

from typing import Any

from django.contrib import admin
from django.db.models import Case, Q, QuerySet, When
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import action

from core.admin.groups.dialogs import GROUP_DIALOGS, QuickAssignTeam, SyncGroups
from core.admin.groups.direction import direction_column, with_right_to_change
from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.dialogs.dialog import button, url_of
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column, count_column
from core.admin.kit.lists.filters import choice_filter, team_filter
from core.admin.kit.sync import in_thinkific, thinkific_errors
from core.admin.kit.sync.sending import sending, with_sending
from core.admin.kit.tabs import Tab
from core.admin.kit.viewer import viewer_of
from core.imports.kinds import may_import
from core.models import GroupAssignment, GroupMembership, ImportBatch, Team, ThinkificGroup, User
from core.pills import pill
from core.services import groups


def assignments_of(group: ThinkificGroup, viewer: User) -> QuerySet[GroupAssignment]:
    assignments = GroupAssignment.objects.filter(group=group, team__in=Team.objects.visible_to(viewer))
    return with_right_to_change(assignments.select_related("group", "team", "role").order_by("id"), viewer)


def members_of(group: ThinkificGroup, viewer: User) -> QuerySet[GroupMembership]:
    """Returns the members, those with unsent changes first. Includes users whose removal was not sent yet."""
    members = GroupMembership.objects.filter(group=group).exclude(
        removed_at__isnull=False, push_state="clean"
    )
    if not viewer.sees_everything:
        members = members.filter(user__in=User.objects.visible_to(viewer))
    members = members.annotate(
        in_step=Case(When(push_state="failed", then=0), When(push_state="pending", then=1), default=2)
    )
    return with_sending(members.select_related("user").order_by("in_step", "-id"), "groupmembership")


def _why_no_changes(group: ThinkificGroup, viewer: User) -> str:
    """Returns why members cannot be added or removed here, for viewers who may assign groups."""
    if group.removed_at is not None or not QuickAssignTeam.may(viewer, group):
        return ""
    return groups.why_no_removals(group)


LAST_SYNCED = column("Last synced", "last_synced_at", cells.moment, sort=True, empty="Never")
GROUP_TABS = (
    Tab(
        "teams",
        "Teams",
        assignments_of,
        [
            column("Team", "team", cells.link, sort="team__name"),
            direction_column("group"),
            column("Role on joining", lambda a: a.role.name if a.role else "Student", sort="role__name"),
            LAST_SYNCED,
            column("Last error", "last_error", thinkific_errors.cell, sort=True),
        ],
        "No team is assigned to this group. Its members are read from Thinkific, but join no team.",
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
            column("Name", "user", cells.link, sort="user__name"),
            column("Email", "user.email", cells.text, sort="user__email"),
            column(
                "Added in", lambda m: "Thinkific" if m.source == "thinkific" else "Dashboard", sort="source"
            ),
            column(
                "Sync",
                lambda m: sending(m, leaves=m.removed_at is not None, in_step="In sync"),
                sort="in_step",
            ),
            column("First seen", "first_seen_at", cells.moment, sort=True),
        ],
        "Nobody is in this group, or its members have not been synced yet.",
        note=_why_no_changes,
        permission="core.view_user",
        search="user__folded",
    ),
)


def status_text(group: Any) -> str:
    if group.removed_at is not None:
        return "Removed"
    return "Active" if group.is_pending else "Full"


def sync_status(group: Any) -> SafeString:
    """Returns the pill Full, Active or Removed. Needs the annotations of `with_pending`."""
    if group.removed_at is not None:
        return pill("Removed", title="No longer in Thinkific. Nothing is synced any more.")
    if group.is_pending:
        return pill("Waiting for a sync", "Active", title="Some changes are not synced yet.")
    return pill("Full", title="Everything is synced.")


def _where(group: ThinkificGroup) -> str:
    if group.thinkific_id is None:
        return "In the dashboard only"
    return "In the dashboard; removed in Thinkific" if group.removed_at else "Here and in Thinkific"


def _quick_assign(group: ThinkificGroup) -> SafeString:
    if group.removed_at is not None:
        return cells.NOTHING
    url = url_of(group._meta, "assign-team", group.pk)
    return cells.actions([button(url, "Quick Assign Team", css="")])


def _assignments(viewer: User) -> QuerySet[GroupAssignment]:
    found = GroupAssignment.objects.all()
    return found if viewer.sees_everything else found.filter(team__in=Team.objects.visible_to(viewer))


def _members(viewer: User) -> QuerySet[GroupMembership]:
    found = GroupMembership.objects.filter(removed_at__isnull=True)
    return found if viewer.sees_everything else found.filter(user__in=User.objects.visible_to(viewer))


@admin.register(ThinkificGroup)
class ThinkificGroupAdmin(ExportingAdmin):
    title = column("Name", cells.named, sort="plain", in_file="name")
    token_text = column("Token", "token", cells.text, sort=True)
    thinkific = column("Thinkific ID", in_thinkific.id_cell, sort="thinkific_id", in_file="thinkific_id")
    team_count = count_column("Teams", _assignments, "group", sort=True)
    user_count = count_column("Users", _members, "group", sort=True)
    status = column("Status", sync_status, sort="is_pending", in_file=status_text)
    quick_assign = column("Actions", _quick_assign, in_file=())
    where = column("Exists", _where)
    synced = LAST_SYNCED
    requested = column("Sync asked for", "sync_requested_at", cells.moment)
    thinkific_created = column("In Thinkific since", "thinkific_created_at", cells.moment)
    created = column("In the dashboard since", "created_at", cells.moment)

    list_display = ["title", "token_text", "thinkific", "team_count", "user_count", "status"]
    list_filter = [
        choice_filter(
            "status",
            {
                "full": ("Full", Q(is_pending=False, removed_at__isnull=True)),
                "active": ("Active", Q(is_pending=True, removed_at__isnull=True)),
            },
        ),
        team_filter(GroupAssignment, "group"),
        choice_filter(
            "exists",
            {
                "both": ("Here and in Thinkific", Q(thinkific_id__isnull=False, removed_at__isnull=True)),
                "here": ("Here only", Q(thinkific_id__isnull=True, removed_at__isnull=True)),
                "removed": ("Removed there", Q(removed_at__isnull=False)),
            },
        ),
    ]
    search_fields = ["folded", "token"]
    search_numbers = ("thinkific_id",)
    search_help_text = "Search by name, token or Thinkific ID"
    ordering = ["plain", "id"]
    few_rows = True
    tabs = GROUP_TABS
    dialogs = GROUP_DIALOGS
    shows_sync = True
    first_tab_title = "Group"
    sync_groups = opens(SyncGroups)
    actions_list = ("sync_groups", "group_matching", "export")
    empty_text = "Groups come from Thinkific."
    empty_how = "Use Sync Groups above."
    fieldsets = [
        (None, {"fields": ["title", "token_text", "thinkific", "where", "team_count", "user_count"]}),
        ("Sync", {"fields": ["status", "synced", "requested", "thinkific_created", "created"]}),
    ]

    def has_match_permission(self, request: HttpRequest) -> bool:
        may = may_import(viewer_of(request), ImportBatch.Kind.GROUP_MATCHING)
        return may and self.has_view_permission(request)

    @action(description="Upload Group Matching", icon="upload_file", permissions=["match"])
    def group_matching(self, request: HttpRequest) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:group_matching"))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_pending()  # type: ignore[attr-defined]

    def get_list_display(self, request: HttpRequest) -> Any:
        may = QuickAssignTeam.may(viewer_of(request), None)
        return [*self.list_display, "quick_assign"] if may else self.list_display
