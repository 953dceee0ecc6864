"""The dialog Sync now of the first page: it starts a run of every kind."""

from django.urls import reverse

from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.dialogs.in_page import PageDialog
from core.errors import Refusal
from core.services.site import sync_requests, sync_state
from core.wording import one_or_many, plural

# For these kinds Thinkific can send changes only. Their first run reads everything.
CHANGES_ONLY = ("enrollments", "quiz_results")


class SyncEverything(PageDialog):
    """Starts a run of every kind; `obj` is the number of kinds."""

    slug, label, title, submit = "sync-now", "Sync now", "Sync everything now?", "Sync now"
    permission = "core.run_tools"
    in_transaction = False  # each kind is started by itself
    notes = "dashboard/sync_now_notes.html"

    def post_url(self) -> str:
        return reverse("admin:sync_now")

    def text(self) -> str:
        return (
            f"Starts {plural(self.obj, 'sync')}, one for each kind of data. Of enrollments and quiz results "
            "only changes are read, of other data everything. Runs under way continue. Nothing in "
            "Thinkific changes."
        )

    def carry_out(self) -> Done:
        """Start the runs, of changes only where Thinkific can send these."""
        started, attached = 0, 0
        refusals: dict[str, None] = {}  # messages in their order, without duplicates
        for kind in sync_state.states():
            try:
                run = sync_requests.request(kind, started_by=self.viewer, full=kind not in CHANGES_ONLY)
            except Refusal as refusal:
                refusals[str(refusal)] = None
            else:
                started, attached = started + (not run.attached), attached + run.attached
        if not started + attached:
            raise Refusal(" ".join(refusals))
        said = f"{plural(started, 'sync has', 'syncs have')} started. " if started else ""
        said += f"{plural(attached, 'was', 'were')} under way already. " if attached else ""
        each = one_or_many(started + attached, "it", "each")
        return Done(f"{said}You will be told when {each} is done.", warnings=list(refusals))
