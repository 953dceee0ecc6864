"""Dialogs about a run: cancel, resume, confirm removals. They are part of the run's page."""

from typing import Any

from django import forms
from django.contrib.humanize.templatetags.humanize import intcomma
from django.urls import reverse

from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.dialogs.in_page import PageDialog
from core.admin.kit.lists.filters import key_of
from core.services.site.sync_requests import RequestedRun
from core.wording import one_or_many, plural
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
            return Done(f"{said} You will be told when it is done.", run.url)
        who = SyncRun.objects.get(pk=run.run_id).starter_name
        begun = f"{who} has started this run" if who else "This run was under way"
        text = f"{begun} already. It continues with its own options. Try again when it is done."
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
        done = one_or_many(run.pages_done, "page is", "pages are")
        return (
            f"It stops within seconds. {self.pages()} {done} done. {plural(run.fetched, 'row')} read so far "
            f"{one_or_many(run.fetched, 'stays', 'stay')} stored; nothing is undone. You can resume it later."
        )

    def carry_out(self) -> Done:
        lifecycle.cancel(self.obj)
        return Done("Cancelled. The run stops within seconds. The rows that it read stay stored.")


class Resume(RunDialog):
    slug, label, title, keep = "resume", "Resume", "Resume this run?", "Not now"

    @classmethod
    def is_offered(cls, obj: SyncRun) -> bool:
        """Whether the run has ended with pages that it did not read."""
        if obj.status == SyncRun.Status.PARTIAL:
            return obj.pages_total is not None and obj.pages_done < obj.pages_total
        return obj.status in {SyncRun.Status.FAILED, SyncRun.Status.CANCELLED}

    def text(self) -> str:
        if not self.obj.pages_done:
            return "It starts from the beginning, because no page was finished."
        return f"It continues after page {self.pages()}. Earlier pages are not read again."

    def carry_out(self) -> Done:
        return self.started(lifecycle.resume(self.obj, by=self.viewer), "The run continues.")


class ConfirmRemovals(RunDialog):
    slug, label, keep = "confirm", "Confirm removals", "Keep them"
    submit, danger = "Read again and mark them", True
    removals = forms.CharField(widget=forms.HiddenInput(), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["removals"].initial = self.obj.guarded

    @classmethod
    def is_offered(cls, obj: SyncRun) -> bool:
        """Whether the deletion guard held back removals of this run, and nobody has confirmed them yet."""
        return obj.guarded > 0 and obj.status not in SyncRun.ACTIVE and lifecycle.answered_by(obj) is None

    @property
    def kind(self) -> str:
        return self.obj.get_kind_display().lower()

    def heading(self) -> str:
        return f"Mark {intcomma(self.obj.guarded)} {self.kind} as removed?"

    def text(self) -> str:
        return (
            f"All {self.kind} are read from Thinkific again. Those still missing are marked as removed here: "
            f"up to {intcomma(self.obj.guarded)}. If more are missing, nothing is marked and you are asked "
            "again. Rows and history stay, nothing is deleted in Thinkific, and objects that Thinkific has "
            "again are restored automatically."
        )

    def carry_out(self) -> Done:
        shown = key_of(self.cleaned_data["removals"])
        started = lifecycle.confirm_removals(self.obj, by=self.viewer, shown=shown)
        return self.started(started, "Confirmed. This run marks them.")


RUN_DIALOGS = (Cancel, Resume, ConfirmRemovals)
