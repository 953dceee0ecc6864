"""Conflicts: both sides changed the same field; one value won, and here is the other."""

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from core.admin import cells
from core.admin.filters import ChoiceFilter
from core.admin.sitewide import SitewideAdmin
from core.models import User
from integrations.models import SyncConflict


class SettledFilter(ChoiceFilter):
    title = "state"
    parameter_name = "settled"
    choices_offered = (("no", "Open"), ("yes", "Settled"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(settled_at__isnull=value == "no")


@admin.register(SyncConflict)
class SyncConflictAdmin(SitewideAdmin):
    list_display = ["object", "field", "dashboard_value", "thinkific_value", "outcome", "happened", "state"]
    list_filter = [SettledFilter]
    search_fields = ["label"]
    search_help_text = "Search by the object's name"
    ordering = ["-id"]
    actions = ["settle_selected"]
    fields = [
        "label",
        "entity",
        "field",
        "ours",
        "theirs",
        "resolution",
        "run",
        "created_at",
        "settled_at",
        "settled_by",
    ]
    empty_title = "No conflicts"
    empty_text = (
        "When somebody changes a field here and somebody else changes it in Thinkific before the two have "
        "met, the value that lost is kept here."
    )

    def has_settle_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.sees(request, "change")

    @action(description="Mark as settled", permissions=["settle"])
    def settle_selected(self, request: HttpRequest, queryset: QuerySet[SyncConflict]) -> None:
        count = queryset.filter(settled_at__isnull=True).update(
            settled_at=timezone.now(), settled_by=request.user
        )
        messages.success(request, f"Settled {count} conflict{'' if count == 1 else 's'}. No data changed.")

    @display(description="Object")
    def object(self, conflict: SyncConflict) -> SafeString:
        return cells.text(conflict.label)

    @display(description="In the dashboard")
    def dashboard_value(self, conflict: SyncConflict) -> SafeString:
        return cells.text(conflict.ours)

    @display(description="In Thinkific")
    def thinkific_value(self, conflict: SyncConflict) -> SafeString:
        return cells.text(conflict.theirs)

    @display(description="What stayed")
    def outcome(self, conflict: SyncConflict) -> str:
        return str(SyncConflict.Resolution(conflict.resolution).label).capitalize()

    @display(description="When")
    def happened(self, conflict: SyncConflict) -> SafeString:
        return cells.moment(conflict.created_at)

    @display(description="State")
    def state(self, conflict: SyncConflict) -> SafeString:
        return (
            cells.pill("Open", "warning") if conflict.settled_at is None else cells.pill("Settled", "quiet")
        )
