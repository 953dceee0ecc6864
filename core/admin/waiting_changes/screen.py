"""The screen Waiting changes: changes to be sent to Thinkific, and those that it refused. Retry, Discard."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.decorators import action

from core.admin.kit import cells
from core.admin.kit.dialogs.buttons import opens
from core.admin.kit.dialogs.dialog import button, url_of
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
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
from core.admin.waiting_changes.objects import ENTITIES, about, entity_name, name_of, with_names
from core.models import OutboxEntry
from core.models.fields.history import done_by
from core.pills import pill
from core.services import outbox

Status = OutboxEntry.Status


def _state(entry: OutboxEntry) -> SafeString:
    shown = pill(entry.status, entry.get_status_display())
    return cells.with_second(shown, f"{entry.attempts:,} tries") if entry.attempts > 1 else shown


def _todo(entry: OutboxEntry) -> SafeString:
    """Returns the buttons of a row. Viewers without the right to use them get a message in the dialog."""
    return cells.actions(
        [
            button(url_of(entry._meta, dialog.slug, entry.pk), dialog.label, css="")
            for dialog in (Retry, Discard)
            if dialog.applies(entry)
        ]
    )


def kind_in_file(entry: OutboxEntry) -> str:
    return entity_name(entry.entity)


def _asker(entry: OutboxEntry) -> str:
    return entry.with_impersonator(done_by(entry, "requested_by"))


@admin.register(OutboxEntry)
class OutboxEntryAdmin(SitewideAdmin, ExportingAdmin):
    change = column("Change", lambda entry: capfirst(entry.reason), cells.text)
    about = column("About", about, in_file=[column("Kind", kind_in_file), column("About", name_of)])
    state = column("Status", _state, in_file="get_status_display")
    noted = column("Waits since", "created_at", cells.moment)
    next_try = column(
        "Next try", lambda e: e.not_before if e.status == Status.PENDING else None, cells.moment, ahead=True
    )
    finished = column("Finished", "finished_at", cells.moment)
    error_text = column("Thinkific says", "error", thinkific_errors.cell)
    error_whole = column("Thinkific says", "error", thinkific_errors.whole)
    who_asked = column("Requested by", lambda entry: cells.done_by(entry, "requested_by"), in_file=_asker)
    todo = column("Actions", _todo, in_file=())

    list_display = ["change", "about", "state", "noted", "error_text", "todo"]
    list_filter = [
        # By default the list shows only unsent changes.
        choice_filter(
            "status",
            {**dict(Status.choices), "all": ("All, sent or not", Q())},
            default=("unsent", "Not sent yet", Q(status__in=OutboxEntry.UNSENT)),
        ),
        choice_filter("entity", ENTITIES, title="kind"),
    ]
    list_select_related = ["person"]
    search_fields = ["reason"]
    search_help_text = "Search by what was changed"
    ordering = ["-id"]
    dialogs = OUTBOX_DIALOGS
    actions = ["retry_selected", DiscardChosen]
    retry_failed = opens(RetryAllOfAKind)
    actions_list = ("retry_failed", "export")
    export_columns = (next_try, finished, column("Tries", "attempts"), *who_asked.in_file)
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
    empty_title = "Nothing waits to be sent"
    empty_text = (
        "This list shows changes that are not sent to Thinkific yet. Choose a status to see sent ones."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return with_names(super().get_queryset(request))

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.select_related("person", "requested_by", "impersonation__impersonator")

    def get_object(self, request: HttpRequest, object_id: Any, from_field: Any = None) -> Any:
        """Returns the entry with the name of its object, which its page and dialogs show."""
        entry = super().get_object(request, object_id, from_field)
        if entry is not None:
            entry.called = name_of(entry)
        return entry

    def has_manage_permission(self, request: HttpRequest) -> bool:
        return may_retry(viewer_of(request))

    @action(description="Retry selected", permissions=["manage"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        messages.success(request, retried(outbox.retry(queryset)))
