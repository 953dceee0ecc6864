"""Roles: what their holders may do."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.lists import COUNTED, CappedCount, amount
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.tabs import Tab
from core.models import Membership, Role, User
from core.permissions.codes import PERMISSIONS, Permission
from core.pills import pill


def holders_of(role: Role, viewer: User) -> QuerySet[User]:
    users = User.objects.visible_to(viewer)
    if role.is_global:
        return users.filter(global_role=role).order_by("-id")
    return users.filter(pk__in=Membership.objects.filter(role=role).values("user")).order_by("-id")


def _shown(role: Role) -> list[Permission]:
    held = (PERMISSIONS[code] for code in role.permissions if code in PERMISSIONS)
    return [permission for permission in held if permission.shown]


def _name(role: Role) -> SafeString:
    return cells.badged(role.name, pill("Built in") if role.is_builtin else "")


def _users(role: Any) -> str:
    return amount(role.holders_counted) if role.is_global else _at_least(role.members_counted, role)


def _at_least(count: int, role: Any) -> str:
    """Returns a count with "+" if only the first COUNTED memberships were counted."""
    return f"{count:,}+" if role.memberships_counted > COUNTED else f"{count:,}"


def _type(role: Any) -> str:
    return "Global" if role.is_global else f"Team: {_at_least(role.teams_counted, role)}"


def _permissions(role: Role) -> SafeString:
    by_category: dict[str, list[str]] = {}
    for permission in _shown(role):
        by_category.setdefault(permission.category, []).append(permission.label)
    lines = ((category, ", ".join(labels)) for category, labels in by_category.items())
    return format_html_join("", '<span class="cell-line">{}: {}</span>', lines) or cells.NOTHING


@admin.register(Role)
class RoleAdmin(SitewideAdmin, HistoryAdmin):
    role_name = column("Name", _name)
    permission_count = column("Permissions", lambda role: len(_shown(role)))
    user_count = column("Users", _users)
    scope = column("Type", _type)
    permission_names = column("Permissions", _permissions)
    created = column("Created At", "created_at", cells.moment)

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
                column("Name", cells.link),
                column("Email", "email", cells.text),
                column("Last activity", "last_activity_at", cells.moment),
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
