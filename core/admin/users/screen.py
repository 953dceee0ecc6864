"""Users: their accounts, enrollments, results, teams and groups."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet, prefetch_related_objects
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.admin.kit import cells, open_pages
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.dialogs.dialog import button, url_of
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import key_of
from core.admin.kit.open_pages import list_url
from core.admin.kit.sync import in_thinkific
from core.admin.kit.sync.last_synced import last_synced
from core.admin.kit.viewer import viewer_of
from core.admin.users.dialogs import USER_DIALOGS
from core.admin.users.dialogs.account import waiting_change
from core.admin.users.dialogs.add_user import AddUser
from core.admin.users.dialogs.impersonate import button_for
from core.admin.users.dialogs.single_sign_on import state_of
from core.admin.users.filters import USER_FILTERS
from core.admin.users.tabs import USER_TABS
from core.admin.users.user_list import UserList, of_own
from core.email_display import as_people_write
from core.imports.kinds import may_import
from core.models import (
    Team,
    User,
)
from core.models.fields.history import done_by
from core.permissions import scope
from core.pills import pill


def _global_role(user: User) -> SafeString | str:
    """Returns the badge of whoever works for the course company; team managers do not see which role."""
    if not user.is_staff and user.global_role_id is None:
        return ""
    shown = user.global_role if open_pages.viewer_sees_everything() else None
    return pill("administrator", shown.name if shown else "Administrator")


def _name(user: Any) -> SafeString:
    if not user.is_own:
        return cells.badged(user.get_full_name())
    has_status_column = getattr(user, "status_shown", False)
    return cells.badged(
        user.get_full_name(),
        "" if user.is_active or has_status_column else pill("Switched off"),
        _global_role(user),
        "" if has_status_column else cells.removed(user.removed_at),
    )


def _thinkific_id(user: Any) -> SafeString:
    return in_thinkific.id_cell(user) if user.is_own else cells.NOTHING


def _enrollments_link(user: User) -> SafeString:
    url = cells.detail_url(user, "enrollments")
    links = '<span class="cell-actions"><a href="{}">Enrollments</a>{}</span>'
    return format_html(links, url, button_for(user))


def _actions_of_administrators(user: User) -> SafeString:
    links = _enrollments_link(user)
    if not user.is_active or (user.thinkific_id is not None and user.removed_at is None):
        return links
    if user.is_superuser and not open_pages.viewer_is_superuser():
        return links
    url = url_of(user._meta, "create-thinkific-account", user.pk)
    make = button(url, "Create Thinkific Account", css="")
    return format_html('<span class="cell-actions">{}{}</span>', links, make)


def _tags(user: User) -> SafeString:
    labels = (
        (list_url(User, f"tag={tag.pk}"), pill("label", tag.name, title=tag.name)) for tag in user.tags.all()
    )
    return format_html_join(" ", '<a href="{}">{}</a>', labels) or cells.NOTHING


def _custom_fields(user: User) -> SafeString:
    filled = [f for f in user.custom_profile_fields if isinstance(f, dict) and f.get("value")]
    lines = ((f.get("label") or "Field", cells.text(str(f["value"]))) for f in filled)
    return format_html_join("", '<span class="cell-line">{}: {}</span>', lines) or cells.NOTHING


@admin.register(User)
class UserAdmin(UserList, HistoryAdmin):
    full_name = column("Name", _name, sort="name", in_file="get_full_name")
    email_address = column("Email", "email", cells.text, sort=True)
    thinkific = column(
        "Thinkific ID", _thinkific_id, sort="thinkific_id", in_file=of_own(lambda user: user.thinkific_id)
    )
    actions_column = column("Actions", _enrollments_link, in_file=())
    actions_of_administrators = column("Actions", _actions_of_administrators, in_file=())
    account = column("Account", "is_active", cells.yes_no, yes="Active", no="Switched off")
    dashboard_role = column("Role in the dashboard", "global_role", cells.whole)
    personal_team = column("Personal team", "primary_team", cells.link)
    home_team_link = column("Home team", "home", cells.link)
    tag_names = column("Tags", _tags)
    last_activity = column("Last activity", "last_activity_at", cells.moment, empty="Has not signed in")
    thinkific_created = column("In Thinkific since", "thinkific_created_at", cells.moment)
    synced = column("Last synced", last_synced, cells.moment, empty="Never")
    thinkific_role_names = column(
        "Roles in Thinkific", lambda user: ", ".join(map(str, user.thinkific_roles)), cells.whole
    )
    single_sign_on = column("Open in Thinkific", state_of, cells.whole)
    custom_fields = column("Custom profile fields", _custom_fields)

    list_display = ["full_name", "email_address", "thinkific", "created", "actions_column"]
    list_filter = USER_FILTERS
    search_fields = ["folded"]
    people_path = "pk"
    search_help_text = "Search by name, e-mail or Thinkific ID"
    ordering = ["-created_at"]
    tabs = USER_TABS
    dialogs = USER_DIALOGS
    shows_sync = True
    add_user = opens(AddUser, variant=ActionVariant.PRIMARY)
    actions_list = ("add_user", "csv_upload", "export")
    first_tab_title = "Profile"
    empty_text = "People appear here when they are added, or when Thinkific is synced."
    empty_how = "Open Tools and choose Import Users from Thinkific."

    def has_upload_permission(self, request: HttpRequest) -> bool:
        return may_import(viewer_of(request)) and self.has_view_permission(request)

    @action(description="CSV Upload", icon="upload_file", permissions=["upload"])
    def csv_upload(self, request: HttpRequest) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:import_new"))

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("custom_profile_fields", "password")

    def search_condition(self, word: str, viewer: User) -> Q:
        """Returns the condition. The Thinkific ID of a guest is not searched, as it is not shown."""
        condition = super().search_condition(word, viewer)
        if (number := key_of(word)) is not None:
            own = User.objects.own_people_of(viewer).filter(thinkific_id=number)
            condition |= Q(pk__in=own.values("pk"))
        return condition

    def get_list_display(self, request: HttpRequest) -> Any:
        """Viewers who may change all users get more buttons in each row; others find them on a user's
        page."""
        everything = scope.holds_for_the_site(viewer_of(request), "core.change_user")
        last = "actions_of_administrators" if everything else "actions_column"
        return [*super().get_list_display(request)[:-1], last]

    def get_object(self, request: HttpRequest, object_id: Any, from_field: Any = None) -> Any:
        """Returns the user with `is_own` (whether the viewer may see more than the membership) and `home`
        (the home team, if the viewer may see it)."""
        user = super().get_object(request, object_id, from_field)
        if user is not None:
            viewer = viewer_of(request)
            own = User.objects.own_people_of(viewer)
            user.is_own = viewer.sees_everything or own.filter(pk=user.pk).exists()
            user.home = Team.objects.visible_to(viewer).filter(pk=user.home_team_id).first()
            prefetch_related_objects([user], "tags")  # the page reads them several times
        return user

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None and not obj.is_own:  # a guest: only these fields are shown
            return [(None, {"fields": ["full_name", "email_address"]})]
        account = ["full_name", "email_address", "account", "created", "tag_names", "last_activity"]
        thinkific = ["thinkific", "thinkific_created", "synced"]
        if obj is not None and (obj.home or viewer_of(request).sees_everything):
            account.insert(3, "home_team_link")
        if viewer_of(request).sees_everything:
            account[3:3] = ["dashboard_role", "personal_team"]
            thinkific += ["single_sign_on", "company", "thinkific_role_names", "custom_fields"]
        return [(None, {"fields": account}), ("Thinkific", {"fields": thinkific})]

    def page_lines(self, obj: User, viewer: User) -> list[SafeString]:
        change = waiting_change(obj)
        if change is None:
            return []
        waiting = pill("Waiting for confirmation")
        line = (
            '{}<span class="page-state-why">for {}, requested by {} on {}. '
            "Until then, {} stays the login.</span>"
        )
        asked_by = done_by(change, "asked_by") or "a deleted account"
        asked_at = cells.moment(change.asked_at)
        return [
            format_html(line, waiting, as_people_write(change.new_email), asked_by, asked_at, obj.shown_email)
        ]
