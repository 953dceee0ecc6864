"""API tokens. The secret is shown once, when a token is made, and is nowhere afterwards."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.sitewide import SitewideAdmin
from core.models import ApiToken


@admin.register(ApiToken)
class ApiTokenAdmin(SitewideAdmin):
    list_display = ["token_name", "issued_by", "start", "state", "created", "last_used"]
    list_select_related = ["user"]
    search_fields = ["folded"]
    search_help_text = "Search by name"
    ordering = ["-id"]
    fields = ["token_name", "issued_by", "start", "scope_names", "state", "created", "last_used", "expires"]
    empty_title = "No API tokens"
    empty_text = "Shops and automations will call the REST API with a token. None has been made yet."

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).defer("digest")

    @display(description="Name")
    def token_name(self, token: ApiToken) -> SafeString:
        return cells.text(token.name)

    @display(description="Issued by")
    def issued_by(self, token: ApiToken) -> SafeString:
        return cells.text(str(token.user))

    @display(description="Begins with")
    def start(self, token: ApiToken) -> str:
        return f"{token.prefix}…"

    @display(description="Scopes")
    def scope_names(self, token: ApiToken) -> str:
        return ", ".join(token.scopes) or "All that its issuer may do"

    @display(description="State")
    def state(self, token: ApiToken) -> SafeString:
        if token.revoked_at:
            return cells.pill("Revoked", "danger")
        if token.expires_at and token.expires_at <= timezone.now():
            return cells.pill("Expired", "quiet")
        return cells.pill("Valid", "success")

    @display(description="Created At")
    def created(self, token: ApiToken) -> SafeString:
        return cells.moment(token.created_at)

    @display(description="Last used")
    def last_used(self, token: ApiToken) -> SafeString:
        return cells.moment(token.last_used_at, empty="Never")

    @display(description="Expires")
    def expires(self, token: ApiToken) -> SafeString:
        return cells.moment(token.expires_at, empty="Never", ahead=True)
