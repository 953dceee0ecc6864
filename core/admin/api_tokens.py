"""API tokens. The secret of a token is shown once, when it is created, and is not stored."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.lists.columns import column
from core.admin.kit.sitewide import SitewideAdmin
from core.models import ApiToken
from core.pills import pill


def _state(token: ApiToken) -> SafeString:
    if token.revoked_at:
        return pill("Revoked")
    return pill("Expired" if token.expires_at and token.expires_at <= timezone.now() else "Valid")


@admin.register(ApiToken)
class ApiTokenAdmin(SitewideAdmin):
    token_name = column("Name", "name", cells.text, sort=True)
    issued_by = column("Issued by", "user", cells.text, sort="user__name")
    start = column("Begins with", "prefix", "{}…".format, sort=True)
    scope_names = column("Scopes", lambda token: ", ".join(token.scopes) or "All that its issuer may do")
    state = column("State", _state)
    created = column("Created At", "created_at", cells.moment, sort=True)
    last_used = column("Last used", "last_used_at", cells.moment, sort=True, empty="Never")
    expires = column("Expires", "expires_at", cells.moment, empty="Never", ahead=True)

    list_display = ["token_name", "issued_by", "start", "state", "created", "last_used"]
    list_select_related = ["user"]
    search_fields = ["folded", "prefix"]
    search_help_text = "Search by name or beginning"
    ordering = ["-id"]
    few_rows = True
    fields = ["token_name", "issued_by", "start", "scope_names", "state", "created", "last_used", "expires"]
    empty_title = "No API tokens"
    empty_text = "Shops and automations use a token to call the REST API. None has been created yet."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("digest")
