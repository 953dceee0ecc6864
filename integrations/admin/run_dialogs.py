"""What can be done to a run: cancel, resume, confirm removals. Their dialogs are drawn with its page."""

from typing import Any

from django import forms
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import pluralize
from django.urls import reverse

from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.dialogs.in_page import PageDialog
from core.admin.kit.lists.filters import key_of
from core.services.site.sync_requests import RequestedRun
from integrations.models import SyncRun
from integrations.thinkific.runs import lifecycle


class RunDialog(PageDialog):
    obj: SyncRun

    permission = "integrations.change_syncrun"

    def post_url(self) -> str:
        return reverse(f"admin:integrations_syncrun_{self.slug}", args=[self.obj.pk])

    def pages(self) -> str:
        """Returns "3 of 9"."""
        run = self.obj
        return intcomma(run.pages_done) + (f" of {intcomma(run.pages_total)}" if run.pages_total else "")

    def started(self, run: RequestedRun, said: str) -> Done:
        if not run.attached:
            return Done(f"{said} You will be told when it is over.", run.url)
        who = SyncRun.objects.get(pk=run.run_id).starter_name
        begun = f"{who} has started this run" if who else "This run was under way"
        text = f"{begun} already; it goes on as it was asked for. Try again when it is over."
        return Done(text, run.url, is_warning=True)


class Cancel(RunDialog):
    slug, label, title, keep = "cancel", "Cancel", "Cancel this run?", "Let it run"
    submit, danger = "Cancel the run", True

    @classmethod
    def applies(cls, obj: SyncRun) -> bool:
        return obj.status in SyncRun.ACTIVE

    @classmethod
    def is_offered(cls, obj: SyncRun) -> bool:
        return cls.applies(obj) and obj.cancel_requested_at is None

    @classmethod
    def why_not_needed(cls, obj: SyncRun) -> str:
        return f"{obj} had ended already."

    def text(self) -> str:
        run = self.obj
        return (
            f"It stops within seconds: {self.pages()} page{pluralize(run.pages_done)} done. The "
            f"{intcomma(run.fetched)} row{pluralize(run.fetched)} read so far stay stored; nothing is "
            "undone. You can resume it later."
        )

    def carry_out(self) -> Done:
        lifecycle.cancel(self.obj)
        return Done("Cancelled. A run under way stops within seconds; what it read stays.")


class Resume(RunDialog):
    slug, label, title, keep = "resume", "Resume", "Resume this run?", "Not now"

    @classmethod
    def is_offered(cls, obj: SyncRun) -> bool:
        """Whether there are pages left that it has not read."""
        if obj.status == SyncRun.Status.PARTIAL:
            return obj.pages_total is not None and obj.pages_done < obj.pages_total
        return obj.status in {SyncRun.Status.FAILED, SyncRun.Status.CANCELLED}

    def text(self) -> str:
        if not self.obj.pages_done:
            return "It starts from the beginning, because no page was finished."
        return f"It goes on after page {self.pages()}; what was read before is not read again."

    def carry_out(self) -> Done:
        return self.started(lifecycle.resume(self.obj, by=self.viewer), "The run goes on.")


class ConfirmRemovals(RunDialog):
    slug, label, keep = "confirm", "Confirm removals", "Keep them"
    submit, danger = "Read again and mark them", True
    removals = forms.CharField(widget=forms.HiddenInput(), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["removals"].initial = self.obj.guarded

    @classmethod
    def is_offered(cls, obj: SyncRun) -> bool:
        """Whether it waits for an answer about what the guard has held back."""
        return obj.guarded > 0 and obj.status not in SyncRun.ACTIVE and lifecycle.answered_by(obj) is None

    @property
    def kind(self) -> str:
        return self.obj.get_kind_display().lower()

    def heading(self) -> str:
        return f"Mark {intcomma(self.obj.guarded)} {self.kind} as removed?"

    def text(self) -> str:
        return (
            f"All {self.kind} are read from Thinkific once more, and what is missing then is marked as "
            f"removed here: up to {intcomma(self.obj.guarded)}. Should more be missing, nothing is marked "
            "and you are asked again. Rows and history stay, nothing is deleted in Thinkific, and whatever "
            "shows up there again comes back by itself."
        )

    def carry_out(self) -> Done:
        shown = key_of(self.cleaned_data["removals"])
        started = lifecycle.confirm_removals(self.obj, by=self.viewer, shown=shown)
        return self.started(started, "Confirmed; this run carries it out.")


RUN_DIALOGS = (Cancel, Resume, ConfirmRemovals)
