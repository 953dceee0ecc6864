"""Roles: what their holders may do."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ORDER_VAR
from django.db.models import Case, F, IntegerField, OuterRef, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.dialogs.dialog import button, url_of
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.lists.lists import COUNTED, CappedCount, amount
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.tabs import FormTab, Tab
from core.admin.kit.viewer import viewer_of
from core.admin.roles.dialogs import ROLE_DIALOGS, AddRole, DeleteRole, EditPermissions
from core.models import Membership, Role, Team, User
from core.permissions.backend import codes_by
from core.permissions.codes import PERMISSIONS
from core.pills import pill
from core.services.roles import roles
from core.wording import first_of

MOST_NAMED = 5
DANGER = "d-button d-danger"


def holders_of(role: Role, viewer: User) -> QuerySet[User]:
    people = User.objects.visible_to(viewer).filter(pk__in=roles.holders(role).values("pk"))
    return people.order_by("-id")


def teams_of(role: Role, viewer: User) -> QuerySet[Team]:
    people = Membership.objects.filter(role=role, team=OuterRef("pk"))
    teams = Team.objects.visible_to(viewer).filter(pk__in=roles.teams_of(role).values("pk"))
    teams = teams.select_related("organization")
    return teams.annotate(people_counted=CappedCount(people)).order_by("name", "id")


def _name(role: Role) -> SafeString:
    return cells.badged(role.name, pill("Built in") if role.is_builtin else "")


def _permissions(role: Role) -> int:
    return sum(PERMISSIONS[code].shown for code in codes_by(role))


def _users(role: Any) -> str:
    return amount(role.holders_counted) if role.is_global else _at_least(role.members_counted, role)


def _at_least(count: int, role: Any) -> str:
    """Returns a count with "+" if only the first COUNTED memberships were counted."""
    return f"{count:,}+" if role.memberships_counted > COUNTED else f"{count:,}"


def _type(role: Any) -> str:
    """Returns in how many teams the role applies: those that it is limited to, or where somebody has it."""
    if role.is_global:
        return "Global"
    return (
        f"Team: {amount(role.limits_counted) if role.limits_counted else _at_least(role.teams_counted, role)}"
    )


def _with_orders(found: QuerySet) -> QuerySet:
    """Returns the roles with what their headings sort by. Which permissions a role has, Python says."""
    alike: dict[int, list[int]] = {}
    for role in Role.objects.only("code", "permissions"):
        alike.setdefault(_permissions(role), []).append(role.pk)
    numbers = [When(pk__in=keys, then=Value(number)) for number, keys in alike.items()]
    limited = When(limits_counted__gt=0, then=F("limits_counted"))
    return found.annotate(
        permissions_counted=Case(*numbers, default=Value(0), output_field=IntegerField()),
        users_counted=Case(When(is_global=True, then=F("holders_counted")), default=F("members_counted")),
        scope_counted=Case(When(is_global=True, then=Value(-1)), limited, default=F("teams_counted")),
    )


def _offered_in(role: Any) -> str:
    if role.is_global:
        return "All teams, without being a member"
    if not role.limits_counted:
        return "All teams"
    return f"Only {first_of([str(team) for team in role.limited_to.order_by('name')], MOST_NAMED)}"


def _deleting(role: Role) -> SafeString:
    delete = button(url_of(Role._meta, DeleteRole.slug, role.pk), DeleteRole.label, icon="delete", css=DANGER)
    why_not = roles.use_of(role)
    return cells.lines([delete, cells.second(why_not)]) if why_not else delete


@admin.register(Role)
class RoleAdmin(SitewideAdmin, ExportingAdmin, HistoryAdmin):
    role_name = column("Name", _name, sort="name", in_file="name")
    permission_count = column("Permissions", _permissions, sort="permissions_counted")
    user_count = column("Users", _users, sort="users_counted")
    scope = column("Type", _type, sort="scope_counted")
    offered_in = column("Offered in", _offered_in, cells.whole)
    created = column("Created At", "created_at", cells.moment, sort=True)

    list_display = ["role_name", "permission_count", "user_count", "scope", "created"]
    list_filter = [
        choice_filter(
            "type",
            {
                "global": ("Global", Q(is_global=True)),
                "team": ("Team", Q(is_global=False)),
                "own": ("Not built in", Q(code__isnull=True)),
            },
        ),
    ]
    search_fields = ["folded"]
    search_help_text = "Search by name"
    ordering = ["id"]
    few_rows = True
    deleting = column("Delete this role", _deleting)

    fieldsets = [
        (None, {"fields": ["role_name", "scope", "offered_in", "permission_count", "user_count", "created"]})
    ]
    tabs = (
        FormTab("permissions", "Permissions", EditPermissions, EditPermissions.why_fixed),
        Tab(
            "users",
            "Users",
            holders_of,
            [
                column("Name", cells.link, sort="name"),
                column("Email", "email", cells.text, sort=True),
                column("Last activity", "last_activity_at", cells.moment),
            ],
            "Nobody has this role. It is given on a person's page, in the tab Teams.",
            permission="core.view_user",
            search="folded",
        ),
        Tab(
            "teams",
            "Teams",
            teams_of,
            [
                column("Team", cells.link, sort="name"),
                column("Organization", "organization", cells.text, sort="organization__name"),
                column("People with this role", "people_counted", amount, sort=True),
            ],
            "No team uses this role yet.",
            note=lambda role, viewer: (
                "The role is offered in these teams only."
                if role.limits_counted
                else "The role is offered in all teams. These have somebody with it."
            ),
            applies=lambda role: not role.is_global,
            permission="core.view_team",
        ),
    )
    first_tab_title = "Configuration"
    dialogs = ROLE_DIALOGS
    actions_list = ["add_role", "export"]
    add_role = opens(AddRole, variant=ActionVariant.PRIMARY)
    empty_text = "A role says what its holders may do."

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        if obj is None or not (DeleteRole.applies(obj) and DeleteRole.may(viewer_of(request), obj)):
            return shown
        return [*shown, ("Danger Zone", {"fields": ["deleting"]})]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        memberships = Membership.objects.filter(role=OuterRef("pk"))
        limits = Role.limited_to.through.objects.filter(role=OuterRef("pk"))
        found = (
            super()
            .get_queryset(request)
            .annotate(
                holders_counted=CappedCount(User.objects.filter(global_role=OuterRef("pk"))),
                memberships_counted=CappedCount(memberships),
                members_counted=CappedCount(memberships, distinct="user"),
                teams_counted=CappedCount(memberships, distinct="team"),
                limits_counted=CappedCount(limits),
            )
        )
        return _with_orders(found) if request.GET.get(ORDER_VAR) else found
