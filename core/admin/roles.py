"""Roles: what their holders may do."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.lists import COUNTED, CappedCount, amount
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.tabs import Tab
from core.models import Membership, Role, User
from core.permissions.codes import PERMISSIONS, Permission


def holders_of(role: Role, viewer: User) -> QuerySet[User]:
    users = User.objects.visible_to(viewer)
    if role.is_global:
        return users.filter(global_role=role).order_by("-id")
    return users.filter(pk__in=Membership.objects.filter(role=role).values("user")).order_by("-id")


def _shown(role: Role) -> list[Permission]:
    held = (PERMISSIONS[code] for code in role.permissions if code in PERMISSIONS)
    return [permission for permission in held if permission.shown]


@admin.register(Role)
class RoleAdmin(SitewideAdmin, HistoryAdmin):
    list_display = ["role_name", "permission_count", "user_count", "scope", "created"]
    search_fields = ["folded"]
    search_help_text = "Search by name"
    ordering = ["id"]
    fields = ["role_name", "scope", "user_count", "permission_names", "created"]
    tabs = (
        Tab(
            "users",
            "Users",
            holders_of,
            [
                ("Name", lambda u: cells.link(u)),
                ("Email", lambda u: cells.text(u.email)),
                ("Last activity", lambda u: cells.moment(u.last_activity_at)),
            ],
            "Nobody has this role.",
            permission="core.view_user",
            search="folded",
        ),
    )
    first_tab_title = "Configuration"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        memberships = Membership.objects.filter(role=OuterRef("pk"))
        return (
            super()
            .get_queryset(request)
            .annotate(
                holders_counted=CappedCount(User.objects.filter(global_role=OuterRef("pk"))),
                memberships_counted=CappedCount(memberships),
                members_counted=CappedCount(memberships, distinct="user"),
                teams_counted=CappedCount(memberships, distinct="team"),
            )
        )

    @display(description="Name")
    def role_name(self, role: Role) -> SafeString:
        return cells.badged(role.name, cells.pill("Built in", "quiet") if role.is_builtin else "")

    @display(description="Permissions")
    def permission_count(self, role: Role) -> int:
        return len(_shown(role))

    @display(description="Users")
    def user_count(self, role: Any) -> str:
        if role.is_global:
            return amount(role.holders_counted)
        return self.at_least(role.members_counted, role)

    def at_least(self, count: int, role: Any) -> str:
        """People and teams are counted among so many memberships: there may be more."""
        return f"{count:,}+" if role.memberships_counted > COUNTED else f"{count:,}"

    @display(description="Type")
    def scope(self, role: Any) -> str:
        return "Global" if role.is_global else f"Team: {self.at_least(role.teams_counted, role)}"

    @display(description="Permissions")
    def permission_names(self, role: Role) -> SafeString:
        by_category: dict[str, list[str]] = {}
        for permission in _shown(role):
            by_category.setdefault(permission.category, []).append(permission.label)
        lines = ((category, ", ".join(labels)) for category, labels in by_category.items())
        return format_html_join("", '<span class="cell-line">{}: {}</span>', lines) or cells.NOTHING

    @display(description="Created At")
    def created(self, role: Role) -> SafeString:
        return cells.moment(role.created_at)
