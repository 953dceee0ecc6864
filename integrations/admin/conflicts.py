"""Conflicts: both sides changed the same field; one value won, and here is the other."""

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import action, display

from core.admin import cells
from core.admin.dialogs import Dialog, DialogForm, Done, button, url_of
from core.admin.filters import ChoiceFilter
from core.admin.sitewide import SitewideAdmin
from core.admin.sync_line import follows
from core.models import User
from core.services import authority
from integrations.models import SyncConflict
from integrations.thinkific.sync import conflicts


class SettledFilter(ChoiceFilter):
    title = "state"
    parameter_name = "settled"
    choices_offered = (("no", "Open"), ("yes", "Settled"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(settled_at__isnull=value == "no")


def _may(viewer: User, conflict: SyncConflict) -> bool:
    return authority.holds_for_the_site(viewer, "integrations.change_syncconflict")


def _is_open(conflict: SyncConflict) -> bool:
    return conflict.settled_at is None


def _kept_ours(conflict: SyncConflict) -> bool:
    return conflict.resolution == SyncConflict.Resolution.KEPT_OURS


def _take_theirs(conflict: SyncConflict, form: DialogForm) -> Done:
    conflicts.take_theirs(conflict, by=form.viewer)
    return Done(f"{conflict.label}: “{conflict.theirs}” stands now, here as in Thinkific.")


def _take_ours(conflict: SyncConflict, form: DialogForm) -> Done:
    conflicts.take_ours(conflict, by=form.viewer)
    said = f"{conflict.label}: “{conflict.ours}” stands now."
    user = User.objects.filter(pk=conflict.object_id).first()
    return Done(follows(user, form.viewer, said) if user else said)


CONFLICT_DIALOGS = (
    Dialog(
        "take-theirs",
        "Take Thinkific's Value",
        may=_may,
        applies=lambda conflict: _is_open(conflict) and _kept_ours(conflict),
        work=_take_theirs,
        icon="cloud_download",
        text=lambda conflict: f"“{conflict.theirs}” replaces “{conflict.ours}” in the dashboard.",
    ),
    Dialog(
        "take-ours",
        "Take the Dashboard's Value",
        may=_may,
        applies=lambda conflict: _is_open(conflict) and not _kept_ours(conflict),
        work=_take_ours,
        icon="cloud_upload",
        text=lambda conflict: f"“{conflict.ours}” replaces “{conflict.theirs}” here and in Thinkific.",
    ),
)


@admin.register(SyncConflict)
class SyncConflictAdmin(SitewideAdmin):
    list_display = [
        "object",
        "what",
        "dashboard_value",
        "thinkific_value",
        "outcome",
        "happened",
        "state",
        "todo",
    ]
    list_filter = [SettledFilter]
    search_fields = ["label"]
    search_help_text = "Search by the object's name"
    ordering = ["-id"]
    actions = ["settle_selected"]
    dialogs = CONFLICT_DIALOGS
    fields = [
        "object",
        "what",
        "dashboard_value",
        "thinkific_value",
        "outcome",
        "run",
        "happened",
        "state",
        "settled",
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

    @display(description="Field", ordering="field")
    def what(self, conflict: SyncConflict) -> str:
        return conflict.field.replace("_", " ").capitalize()

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

    @display(description="Settled")
    def settled(self, conflict: SyncConflict) -> SafeString:
        return cells.moment(conflict.settled_at, empty="Not yet")

    @display(description="State")
    def state(self, conflict: SyncConflict) -> SafeString:
        return (
            cells.pill("Open", "warning") if conflict.settled_at is None else cells.pill("Settled", "quiet")
        )

    @display(description="Actions")
    def todo(self, conflict: SyncConflict) -> SafeString:
        return cells.actions(
            [
                button(url_of(self.opts, dialog.slug, conflict.pk), dialog.label, css="")
                for dialog in self.dialogs
                if dialog.applies(conflict)
            ]
        )
