"""API tokens. The secret of a token is shown once, when it is created, and is not stored."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.enums import ActionVariant

from core.admin.api import tabs
from core.admin.api.dialogs import TOKEN_DIALOGS, AddToken
from core.admin.kit import cells, shown_once
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.lists.columns import column
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.viewer import viewer_of
from core.models import ApiToken
from core.pills import pill
from core.services.api.scopes import SCOPES


def _state(token: ApiToken) -> SafeString:
    if token.revoked_at:
        return pill("Revoked")
    return pill("Expired" if token.expires_at and token.expires_at <= timezone.now() else "Valid")


def _scopes(token: ApiToken) -> str:
    if not token.scopes:
        return "All that its issuer may do"
    return "; ".join(f"{SCOPES.get(scope, scope)} ({scope})" for scope in token.scopes)


@admin.register(ApiToken)
class ApiTokenAdmin(SitewideAdmin):
    token_name = column("Name", "name", cells.text, sort=True)
    issued_by = column("Issued By", "user", cells.text, sort="user__name")
    start = column("Begins With", "prefix", "{}…".format, sort=True)
    scope_names = column("Scopes", _scopes)
    state = column("State", _state)
    created = column("Created At", "created_at", cells.moment, sort=True)
    last_used = column("Last Used", "last_used_at", cells.moment, sort=True, empty="Never")
    used_from = column("Last Used From", "last_used_from", cells.text)
    expires = column("Expires", "expires_at", cells.moment, empty="Never", ahead=True, sort=True)
    revoked = column("Revoked At", "revoked_at", cells.moment)

    list_display = ["token_name", "issued_by", "start", "state", "created", "last_used", "expires"]
    list_select_related = ["user"]
    search_fields = ["folded", "prefix"]
    search_help_text = "Search by name or beginning"
    ordering = ["-id"]
    few_rows = True
    list_top_template = "dashboard/api_top.html"
    fields = [
        "token_name",
        "issued_by",
        "start",
        "scope_names",
        "state",
        "created",
        "last_used",
        "used_from",
        "expires",
        "revoked",
    ]
    dialogs = TOKEN_DIALOGS
    add_token = opens(AddToken, variant=ActionVariant.PRIMARY)
    actions_list = ("add_token",)
    empty_title = "No API tokens"
    empty_text = "Shops and automations use a token to call the REST API. None has been created yet."

    def list_title(self, request: HttpRequest) -> str:
        return "API"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("digest")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        context = {"shown": self.shown(request), **(extra_context or {})}
        return super().changelist_view(request, {**tabs.context("tokens", viewer_of(request)), **context})

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().page_context(request), "shown": self.shown(request)}

    def shown(self, request: HttpRequest) -> dict[str, Any] | None:
        """Returns the secret of a new token, once."""
        return shown_once.take(request, ApiToken) if self.has_view_permission(request) else None
