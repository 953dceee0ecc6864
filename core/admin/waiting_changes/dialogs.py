"""Retry and Discard: for one waiting change, all of a kind, or chosen ones."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.text import capfirst
from unfold.widgets import UnfoldAdminSelectWidget

from core import moments
from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.sync import thinkific_errors
from core.admin.kit.sync.retry import CHANGE, RetryDialog, retried
from core.admin.waiting_changes.objects import entity_name
from core.models import OutboxEntry
from core.services import outbox
from core.services.outbox import refused
from core.wording import plural

Status = OutboxEntry.Status


class FailedDialog(RetryDialog):
    @classmethod
    def applies(cls, obj: OutboxEntry) -> bool:
        return obj.status == Status.FAILED


class Retry(FailedDialog):
    slug, label, icon = "retry", "Retry", "refresh"

    def locks(self) -> OutboxEntry:
        """The drain skips locked entries, so the entry is not sent while the dialog is carried out."""
        return self.obj

    def text(self) -> str:
        return f"Last answer: {thinkific_errors.in_one_line(self.obj.error)}"

    def carry_out(self) -> Done:
        return Done(retried(outbox.retry([self.obj])))


class RetryKind(FailedDialog):
    slug, label, icon = "retry-kind", "Retry All of This Kind", "restart_alt"

    def entries(self) -> QuerySet[OutboxEntry]:
        return refused.of_kind(self.obj.entity)

    def text(self) -> str:
        count = self.entries().count()
        kind = entity_name(self.obj.entity).lower()
        return f"Tries {plural(count, 'refused change')} of this kind again ({kind})."


class RetryAllOfAKind(RetryDialog):
    """Opened by the button above the list."""

    slug, label, icon, about_new = "retry-failed", "Retry All of a Kind", "restart_alt", True
    question = (
        "Tries every failed change of one kind again, for instance after the key was replaced or a field "
        "was made optional in Thinkific."
    )
    entity = forms.ChoiceField(
        label="Kind",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "Nothing of this kind has failed."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["entity"]
        field.choices = self.kinds = [
            (entity, f"{entity_name(entity)}: {count:,} failed") for entity, count in refused.by_kind()
        ]

    def facts(self) -> str:
        return "; ".join(label for _, label in self.kinds)

    def entries(self) -> QuerySet[OutboxEntry]:
        return refused.of_kind(self.cleaned_data["entity"])


class DiscardDialog(Dialog):
    danger, permission = True, CHANGE

    def discard(self, entries: list[OutboxEntry]) -> Done:
        count = outbox.discard(entries)
        if not count:
            return Done("Nothing was discarded: the chosen changes are being sent or are finished.")
        said = plural(count, "change was", "changes were")
        return Done(f"{said} discarded. Thinkific keeps its values, and the next sync brings them here.")


class Discard(DiscardDialog):
    slug, label, icon = "discard", "Discard", "delete"

    @classmethod
    def applies(cls, obj: OutboxEntry) -> bool:
        return obj.status in {Status.FAILED, Status.PENDING}

    def locks(self) -> OutboxEntry:
        """See Retry."""
        return self.obj

    def facts(self) -> str:
        return _version(self.obj)

    def text(self) -> str:
        return (
            f"“{capfirst(self.obj.reason)}” will never be sent. Thinkific keeps its values, and the next "
            "sync brings them here: the change made in the dashboard is lost."
        )

    def carry_out(self) -> Done:
        return self.discard([self.obj])


class DiscardChosen(DiscardDialog, ChosenDialog):
    slug, label, submit, action = "discard", "Discard selected", "Discard", "discard_selected"

    @classmethod
    def of(cls, rows: QuerySet) -> QuerySet:
        return rows.filter(status__in=[Status.FAILED, Status.PENDING])

    def lines(self) -> dict[int, str]:
        return {entry.pk: f"{capfirst(entry.reason)}. {_version(entry)}" for entry in self.chosen}

    def text(self) -> str:
        return (
            f"{plural(len(self.chosen), 'change')} will never be sent. Thinkific keeps its values, and the "
            "next sync brings them here: what was changed in the dashboard is lost."
        )

    def carry_out(self) -> Done:
        return self.discard(list(self.chosen))


def _version(entry: OutboxEntry) -> str:
    """Returns a text that changes when the entry is tried, or when a newer change is merged into it."""
    moment = entry.not_before
    return f"{entry.get_status_display()}, {moments.exact(moment)}, {moment.microsecond // 1000} ms."


OUTBOX_DIALOGS = (Retry, RetryKind, Discard, RetryAllOfAKind)
