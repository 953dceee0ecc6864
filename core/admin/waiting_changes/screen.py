"""Waiting changes: what Thinkific must still be told, and what it refused. Retry, Discard."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget

from core import moments
from core.admin.kit import cells
from core.admin.kit.dialogs.confirming import ask, confirmed
from core.admin.kit.dialogs.dialog import Dialog, DialogForm, Done, button, url_of
from core.admin.kit.lists.filters import ChoiceFilter
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.sync import thinkific_errors
from core.admin.kit.sync.sending import may_retry, retried
from core.admin.kit.viewer import viewer_of
from core.admin.waiting_changes.objects import ENTITIES, about, entity_name, name_of, with_names
from core.models import OutboxEntry, User
from core.services import outbox
from core.wording import plural

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


# --- dialogs ------------------------------------------------------------------------------------------


class EntryForm(DialogForm):
    """The drain passes a locked entry by: it is not sent while it is looked at for the last time."""

    def locks(self) -> OutboxEntry | None:
        return self.obj


def _standing(entry: OutboxEntry) -> str:
    """What moves when the entry is tried, or takes a newer change of its object in."""
    moment = entry.not_before
    return f"{entry.get_status_display()}, {moments.exact(moment)}, {moment.microsecond // 1000} ms."


def _discarded(count: int) -> str:
    if not count:
        return "Nothing was discarded: what was chosen is being sent or is over."
    changes = plural(count, "change was", "changes were")
    return f"{changes} discarded. Thinkific keeps what it has, and the next sync brings that here."


def _failed_kinds() -> list[tuple[str, str]]:
    failed = OutboxEntry.objects.filter(status=Status.FAILED).order_by("entity")
    counted = failed.values_list("entity").annotate(count=Count("pk"))
    return [(entity, f"{entity_name(entity)}: {count:,} failed") for entity, count in counted]


class FailedKindForm(DialogForm):
    entity = forms.ChoiceField(
        label="Kind",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "Nothing of this kind has failed."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["entity"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = _failed_kinds()


def _how_many_fail(entity: str) -> str:
    count = OutboxEntry.objects.filter(entity=entity, status=Status.FAILED).count()
    kind = entity_name(entity).lower()
    return f"Tries {plural(count, 'refused change')} of this kind again ({kind})."


def _retry_kind(entity: str) -> Done:
    return Done(retried(outbox.retry(OutboxEntry.objects.filter(entity=entity, status=Status.FAILED))))


OUTBOX_DIALOGS = (
    Dialog(
        "retry",
        "Retry",
        may=may_retry,
        applies=lambda entry: entry.status == Status.FAILED,
        work=lambda entry, form: Done(retried(outbox.retry([entry]))),
        form=EntryForm,
        text=lambda entry: f"The last try: {thinkific_errors.in_one_line(entry.error)}",
        icon="refresh",
    ),
    Dialog(
        "retry-kind",
        "Retry All of This Kind",
        may=may_retry,
        applies=lambda entry: entry.status == Status.FAILED,
        work=lambda entry, form: _retry_kind(entry.entity),
        text=lambda entry: _how_many_fail(entry.entity),
        icon="restart_alt",
    ),
    Dialog(
        "discard",
        "Discard",
        may=may_retry,
        applies=lambda entry: entry.status in {Status.FAILED, Status.PENDING},
        work=lambda entry, form: Done(_discarded(outbox.discard([entry]))),
        form=EntryForm,
        facts=_standing,
        text=lambda entry: (
            f"“{capfirst(entry.reason)}” is never sent. Thinkific keeps what it has, and the "
            "next sync brings that here: the change made in the dashboard is lost."
        ),
        icon="delete",
        danger=True,
    ),
    Dialog(
        "retry-failed",
        "Retry All of a Kind",
        may=may_retry,
        work=lambda nothing, form: _retry_kind(form.cleaned_data["entity"]),
        form=FailedKindForm,
        about_new=True,
        facts=lambda nothing: "; ".join(label for _, label in _failed_kinds()),
        text=lambda nothing: (
            "Tries every failed change of one kind again, for instance after the key was "
            "replaced or a field was made optional in Thinkific."
        ),
    ),
)


@admin.register(OutboxEntry)
class OutboxEntryAdmin(SitewideAdmin):
    list_display = ["change", "about", "state", "noted", "error_text", "todo"]
    list_filter = [StatusFilter, EntityFilter]
    list_select_related = ["person"]
    search_fields = ["reason"]
    search_help_text = "Search by what was changed"
    ordering = ["-id"]
    dialogs = OUTBOX_DIALOGS
    actions = ["retry_selected", "discard_selected"]
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

    @action(description="Retry All of a Kind", icon="restart_alt", permissions=["manage"])
    def retry_failed(self, request: HttpRequest) -> HttpResponse:
        """Only leads to the dialog, which asks again who may."""
        return HttpResponseRedirect(url_of(self.opts, "retry-failed"))

    @action(description="Retry selected", permissions=["manage"])
    def retry_selected(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> None:
        messages.success(request, retried(outbox.retry(queryset)))

    @action(description="Discard selected", permissions=["manage"])
    def discard_selected(self, request: HttpRequest, queryset: QuerySet[OutboxEntry]) -> HttpResponse | None:
        chosen = list(queryset.filter(status__in=[Status.FAILED, Status.PENDING]))
        rows = {entry.pk: f"{capfirst(entry.reason)}. {_standing(entry)}" for entry in chosen}
        text = (
            f"{plural(len(rows), 'change')} would never be sent. Thinkific keeps what "
            "it has, and the next sync brings that here: what was changed in the dashboard is lost."
        )
        if rows and not confirmed(request, text=text, rows=rows):
            return ask(self, request, title="Discard selected", label="Discard", text=text, rows=rows)
        messages.success(request, _discarded(outbox.discard(chosen)))
        return None

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
        shown = []
        if entry.status == Status.FAILED:
            shown.append(button(url_of(self.opts, "retry", entry.pk), "Retry", css=""))
        if entry.status in {Status.FAILED, Status.PENDING}:
            shown.append(button(url_of(self.opts, "discard", entry.pk), "Discard", css=""))
        return cells.actions(shown)
