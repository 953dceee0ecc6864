"""Sync now, on the first page: a run of every kind."""

from django.urls import reverse

from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.dialogs.in_page import PageDialog
from core.errors import Refusal
from core.services.site import sync_requests, sync_state

# Of these kinds Thinkific can tell what changed; a first run of them reads everything all the same.
CHANGES_ONLY = ("enrollments", "quiz_results")


class SyncEverything(PageDialog):
    """The button of the first page: a run of every kind, of which there are `obj`."""

    slug, label, title, submit = "sync-now", "Sync now", "Sync everything now?", "Sync now"
    permission = "core.run_tools"
    in_transaction = False  # each kind is started by itself
    notes = "dashboard/sync_now_notes.html"

    def post_url(self) -> str:
        return reverse("admin:sync_now")

    def text(self) -> str:
        return (
            f"{self.obj} syncs read from Thinkific, one for each kind of data. Of enrollments and quiz "
            "results they read what changed, of the rest everything. What is under way already goes on. "
            "Nothing in Thinkific changes."
        )

    def carry_out(self) -> Done:
        """Of what changed, where Thinkific can be asked for that."""
        started, attached = 0, 0
        refusals: dict[str, None] = {}  # in their order, each once
        for kind in sync_state.states():
            try:
                run = sync_requests.request(kind, started_by=self.viewer, full=kind not in CHANGES_ONLY)
            except Refusal as refusal:
                refusals[str(refusal)] = None
            else:
                started, attached = started + (not run.attached), attached + run.attached
        if not started + attached:
            raise Refusal(" ".join(refusals))
        said = f"{started} sync{' has' if started == 1 else 's have'} started. " if started else ""
        said += f"{attached} {'was' if attached == 1 else 'were'} under way already. " if attached else ""
        each = "it" if started + attached == 1 else "each"
        return Done(f"{said}You are told when {each} is done.", warnings=list(refusals))
