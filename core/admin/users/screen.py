"""Users: who they are, what they study, what they achieved, where they belong."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from core.admin.kit import cells, open_pages
from core.admin.kit.base import visible
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.dialogs.dialog import button, url_of
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.filters import ChoiceFilter, RelatedFilter, key_of
from core.admin.kit.sync import in_thinkific
from core.admin.kit.sync.last_synced import last_synced
from core.admin.kit.viewer import viewer_of
from core.admin.users.dialogs import USER_DIALOGS
from core.admin.users.dialogs.account import CreateThinkificAccount, waiting_change
from core.admin.users.dialogs.add_user import AddUser
from core.admin.users.tabs import USER_TABS
from core.admin.users.user_list import UserList
from core.email_display import as_people_write
from core.models import (
    Membership,
    Role,
    Tag,
    Team,
    User,
)
from core.models.fields.history import done_by
from core.permissions import scope


class TeamFilter(RelatedFilter):
    title = "team"
    parameter_name = "team"
    foreign_key = (Membership, "team")

    def matching(self, queryset: QuerySet, target: Team) -> QuerySet:
        return queryset.filter(pk__in=Membership.objects.filter(team=target).values("user"))


class AssignedFilter(ChoiceFilter):
    title = "membership"
    parameter_name = "assigned"
    choices_offered = (("no", "In no team"), ("yes", "In a team"))

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.choices_offered if viewer_of(request).sees_everything else ()

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        if value == "no":  # the same people as on the first page
            return queryset.filter(pk__in=User.objects.unassigned().values("pk"))
        return queryset.filter(Exists(Membership.objects.filter(user=OuterRef("pk"))))


class RoleFilter(ChoiceFilter):
    title = "role"
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        roles = (
            Role.objects.all() if viewer_of(request).sees_everything else Role.objects.filter(is_global=False)
        )
        return [(str(role.pk), role.name) for role in roles]

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        holders = visible(Membership.objects.filter(role=int(value)), viewer).values("user")
        condition = Q(pk__in=holders)
        if viewer.sees_everything and Role.objects.filter(pk=value, is_global=True).exists():
            condition = Q(global_role=value)
        return queryset.filter(condition)


class ActiveFilter(ChoiceFilter):
    title = "account"
    parameter_name = "active"
    choices_offered = (("yes", "Active"), ("no", "Switched off"), ("staff", "Administrators"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        if value == "staff":
            return queryset.filter(is_staff=True)
        return queryset.filter(is_active=value == "yes")


class AddressFilter(ChoiceFilter):
    """Offered where it was chosen: the first page leads here while there are such accounts."""

    title = "address"
    parameter_name = "address"
    choices_offered = (("shared", "Same address, written differently"),)

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self.choices_offered if self.value() and viewer_of(request).sees_everything else ()

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(pk__in=User.objects.of_one_address().order_by().values("pk"))


class TagFilter(RelatedFilter):
    title = "tag"
    parameter_name = "tag"
    foreign_key = (User.tags.through, "tag")

    def matching(self, queryset: QuerySet, target: Tag) -> QuerySet:
        return queryset.filter(pk__in=target.users.own_people_of(self.viewer).values("pk"))


class ThinkificFilter(ChoiceFilter):
    title = "Thinkific"
    parameter_name = "thinkific"
    choices_offered = (("yes", "In Thinkific"), ("no", "Not in Thinkific"), ("removed", "Removed there"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        if value == "removed":
            return queryset.filter(removed_at__isnull=False)
        return queryset.filter(thinkific_id__isnull=value == "no")


@admin.register(User)
class UserAdmin(UserList, HistoryAdmin):
    list_display = ["full_name", "email_address", "thinkific", "created", "actions_column"]
    list_filter = [
        TeamFilter,
        AssignedFilter,
        RoleFilter,
        ActiveFilter,
        TagFilter,
        ThinkificFilter,
        AddressFilter,
    ]
    search_fields = ["folded"]
    people_path = "pk"
    search_help_text = "Search by name, e-mail or Thinkific ID"
    sortable_by = ["full_name", "email_address", "thinkific", "created"]
    ordering = ["-created_at"]
    tabs = USER_TABS
    dialogs = USER_DIALOGS
    shows_sync = True
    add_user = opens(AddUser, variant=ActionVariant.PRIMARY)
    actions_list = ("add_user", "export_csv")
    first_tab_title = "Profile"
    empty_text = "People appear here when they are added, or when Thinkific is synced."
    empty_how = "Open Tools and choose Import Users from Thinkific."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("custom_profile_fields", "password")

    def list_title(self, request: HttpRequest) -> str:
        return "Users" if viewer_of(request).sees_everything else "Students"

    def get_list_display(self, request: HttpRequest) -> Any:
        """Who may not change everybody finds the button on the page of each person."""
        everything = scope.holds_for_the_site(viewer_of(request), "core.change_user")
        last = "actions_of_administrators" if everything else "actions_column"
        return [*super().get_list_display(request)[:-1], last]

    def search_condition(self, word: str, viewer: User) -> Q:
        condition = super().search_condition(word, viewer)
        key = key_of(word)
        return condition if key is None else condition | Q(thinkific_id=key)

    def get_object(self, request: HttpRequest, object_id: Any, from_field: Any = None) -> Any:
        """With `is_own`, whether the viewer sees more of the person than their part in a team, and `home`."""
        user = super().get_object(request, object_id, from_field)
        if user is not None:
            viewer = viewer_of(request)
            own = User.objects.own_people_of(viewer)
            user.is_own = viewer.sees_everything or own.filter(pk=user.pk).exists()
            user.home = Team.objects.visible_to(viewer).filter(pk=user.home_team_id).first()
            prefetch_related_objects([user], "tags")  # read several times by the page
        return user

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not obj.is_own:  # of a guest, no more than this
            return [(None, {"fields": ["full_name", "email_address"]})]
        account = ["full_name", "email_address", "account", "created", "tag_names", "last_activity"]
        thinkific = ["thinkific", "thinkific_created", "synced"]
        if obj is not None and (obj.home or viewer_of(request).sees_everything):
            account.insert(3, "home_team_link")
        if viewer_of(request).sees_everything:
            account[3:3] = ["dashboard_role", "primary_team"]
            thinkific += ["company", "thinkific_role_names", "custom_fields"]
        return [(None, {"fields": account}), ("Thinkific", {"fields": thinkific})]

    def page_lines(self, obj: User, viewer: User) -> list[SafeString]:
        change = waiting_change(obj)
        if change is None:
            return []
        waiting = cells.pill("Waiting for confirmation", "info")
        line = (
            '{}<span class="page-state-why">of {}, asked by {} on {}. Until then {} stays the login.</span>'
        )
        asked_by = done_by(change, "asked_by") or "somebody whose account is gone"
        asked_at = cells.moment(change.asked_at)
        return [
            format_html(line, waiting, as_people_write(change.new_email), asked_by, asked_at, obj.shown_email)
        ]

    @display(description="Name", ordering="name")
    def full_name(self, user: User) -> SafeString:
        said_beside = getattr(user, "status_shown", False)  # in a column of its own
        return cells.badged(
            user.get_full_name(),
            "" if user.is_active or said_beside else cells.pill("Switched off", "quiet"),
            cells.pill("Administrator", "primary") if user.is_staff else "",
            "" if said_beside else cells.removed(user.removed_at),
        )

    @display(description="Email", ordering="email")
    def email_address(self, user: User) -> SafeString:
        return cells.text(user.email)

    @display(description="Thinkific ID", ordering="thinkific_id")
    def thinkific(self, user: User) -> SafeString:
        return cells.thinkific_id(user.thinkific_id, in_thinkific.admin_page(user))

    @display(description="Created At", ordering="created_at")
    def created(self, user: User) -> SafeString:
        return cells.moment(user.created_at)

    @display(description="Actions")
    def actions_column(self, user: User) -> SafeString:
        url = cells.detail_url(user, "enrollments")
        return format_html('<span class="cell-actions"><a href="{}">Enrollments</a></span>', url)

    @display(description="Actions")
    def actions_of_administrators(self, user: User) -> SafeString:
        links = self.actions_column(user)
        if not user.is_active or (user.thinkific_id is not None and user.removed_at is None):
            return links
        if user.is_superuser and not open_pages.viewer_is_superuser():
            return links
        url = url_of(self.opts, CreateThinkificAccount.slug, user.pk)
        make = button(url, CreateThinkificAccount.label, css="")
        return format_html('<span class="cell-actions">{}{}</span>', links, make)

    @display(description="Account")
    def account(self, user: User) -> SafeString:
        return cells.yes_no(user.is_active, yes="Active", no="Switched off")

    @display(description="Role in the dashboard")
    def dashboard_role(self, user: User) -> Any:
        return user.global_role or cells.NOTHING

    @display(description="Home team")
    def home_team_link(self, user: Any) -> SafeString:
        return cells.link(user.home)

    @display(description="Tags")
    def tag_names(self, user: User) -> SafeString:
        return (
            format_html_join(" ", "{}", ((cells.pill(tag.name),) for tag in user.tags.all())) or cells.NOTHING
        )

    @display(description="Last activity")
    def last_activity(self, user: User) -> SafeString:
        return cells.moment(user.last_activity_at, empty="Has not signed in")

    @display(description="In Thinkific since")
    def thinkific_created(self, user: User) -> SafeString:
        return cells.moment(user.thinkific_created_at)

    @display(description="Last synced")
    def synced(self, user: User) -> SafeString:
        return cells.moment(last_synced(user), empty="Never")

    @display(description="Roles in Thinkific")
    def thinkific_role_names(self, user: User) -> str | SafeString:
        return ", ".join(map(str, user.thinkific_roles)) or cells.NOTHING

    @display(description="Custom profile fields")
    def custom_fields(self, user: User) -> SafeString:
        filled = [f for f in user.custom_profile_fields if isinstance(f, dict) and f.get("value")]
        return (
            format_html_join(
                "",
                '<span class="cell-line">{}: {}</span>',
                ((f.get("label") or "Field", cells.text(str(f["value"]))) for f in filled),
            )
            or cells.NOTHING
        )
