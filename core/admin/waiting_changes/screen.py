"""Waiting changes: what Thinkific must still be told, and what it refused. Retry, Discard."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.decorators import action, display

from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.dialogs.dialog import button, url_of
from core.admin.kit.lists.filters import ChoiceFilter
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.sync import thinkific_errors
from core.admin.kit.sync.retry import may_retry, retried
from core.admin.kit.viewer import viewer_of
from core.admin.waiting_changes.dialogs import (
    OUTBOX_DIALOGS,
    Discard,
    DiscardChosen,
    Retry,
    RetryAllOfAKind,
)
from core.admin.waiting_changes.objects import ENTITIES, about, name_of, with_names
from core.models import OutboxEntry, User
from core.services import outbox

Status = OutboxEntry.Status
KINDS = {
    Status.PENDING: "info",
    Status.IN_FLIGHT: "primary",
    Status.DONE: "success",
    Status.FAILED: "danger",
    Status.DISCARDED: "quiet",
}


class StatusFilter(ChoiceFilter):
    title = "status"
    parameter_name = "status"
    # What is over is asked for: this is the list of what waits.
    all_option = ("", "Not sent yet")
    choices_offered = (*Status.choices, ("all", "All, sent or not"))

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.value() in (None, "", "unsent"):
            return queryset.filter(status__in=OutboxEntry.UNSENT)
        return super().queryset(request, queryset)

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset if value == "all" else queryset.filter(status=value)


class EntityFilter(ChoiceFilter):
    title = "kind"
    parameter_name = "entity"
    choices_offered = tuple(ENTITIES.items())

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(entity=value)


@admin.register(OutboxEntry)
class OutboxEntryAdmin(SitewideAdmin):
    list_display = ["change", "about", "state", "noted", "error_text", "todo"]
    list_filter = [StatusFilter, EntityFilter]
    list_select_related = ["person"]
    search_fields = ["reason"]
    search_help_text = "Search by what was changed"
    ordering = ["-id"]
    dialogs = OUTBOX_DIALOGS
    actions = ["retry_selected", DiscardChosen]
    retry_failed = opens(RetryAllOfAKind)
    actions_list = ("retry_failed",)
    fields = [
        "change",
        "about",
        "person",
        "state",
        "noted",
        "next_try",
        "attempts",
        "uncertain",
        "error_whole",
        "who_asked",
        "finished",
    ]
    empty_title = "Nothing waits"
    empty_text = (
        "What is changed here and has to reach Thinkific stands here until it has. Choose a status to see "
        "what was sent."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return with_names(super().get_queryset(request))

    def get_object(self, request: HttpRequest, object_id: Any, from_field: Any = None) -> Any:
        """Its page and its dialogs call it by what it is about, not by its number."""
        entry = super().get_object(request, object_id, from_field)
        if entry is not None:
            entry.called = name_of(entry)
        return entry

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return may_retry(viewer_of(request))

    @display(description="Requested by")
    def who_asked(self, entry: OutboxEntry) -> SafeString:
        return cells.done_by(entry, "requested_by")

    @action(description="Retry selected", permissions=["manage"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        messages.success(request, retried(outbox.retry(queryset)))

    # --- columns ------------------------------------------------------------------------------------

    @display(description="Change")
    def change(self, entry: OutboxEntry) -> SafeString:
        return cells.text(capfirst(entry.reason))

    @display(description="About")
    def about(self, entry: OutboxEntry) -> SafeString:
        return about(entry)

    @display(description="Status")
    def state(self, entry: OutboxEntry) -> SafeString:
        status = Status(entry.status)
        pill = cells.pill(str(status.label), KINDS[status])
        return cells.with_second(pill, f"{entry.attempts:,} tries") if entry.attempts > 1 else pill

    @display(description="Waits since")
    def noted(self, entry: OutboxEntry) -> SafeString:
        return cells.moment(entry.created_at)

    @display(description="Next try")
    def next_try(self, entry: OutboxEntry) -> SafeString:
        return cells.moment(entry.not_before, ahead=True) if entry.status == Status.PENDING else cells.NOTHING

    @display(description="Finished")
    def finished(self, entry: OutboxEntry) -> SafeString:
        return cells.moment(entry.finished_at)

    @display(description="Thinkific says")
    def error_text(self, entry: OutboxEntry) -> SafeString:
        return thinkific_errors.cell(entry.error)

    @display(description="Thinkific says")
    def error_whole(self, entry: OutboxEntry) -> SafeString:
        return thinkific_errors.whole(entry.error)

    @display(description="Actions")
    def todo(self, entry: OutboxEntry) -> SafeString:
        """Buttons for who may look: whoever may not change is told so by the dialog."""
        return cells.actions(
            [
                button(url_of(self.opts, dialog.slug, entry.pk), dialog.label, css="")
                for dialog in (Retry, Discard)
                if dialog.applies(entry)
            ]
        )
