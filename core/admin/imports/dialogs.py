"""Cancel and Undo of an import."""

from typing import Any

from core.admin.imports.access import UNDONE_IN_OWN_NAME, may_change
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.errors import Refusal
from core.imports import batches, kinds
from core.imports.kinds import may_import
from core.models import ImportBatch, User
from core.wording import plural

Status = ImportBatch.Status


class CancelImport(Dialog):
    slug, label, icon = "cancel", "Cancel", "stop_circle"
    title, submit, danger = "Cancel the import?", "Cancel the import", True

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        return may_import(viewer) if obj is None else may_change(viewer, obj)

    @classmethod
    def applies(cls, obj: ImportBatch) -> bool:
        return obj.status == Status.RUNNING and not obj.undoing

    @classmethod
    def why_not_needed(cls, obj: ImportBatch) -> str:
        return f"The import of {obj} does not run any more."

    def text(self) -> str:
        return "Lines that are imported already stay. You can undo the import afterwards."

    def carry_out(self) -> Done:
        if not batches.cancel(self.obj, by=self.viewer):
            raise Refusal("The import has ended already.")
        return Done(f"The import of {self.obj} is cancelled. Lines that were imported before stay.")


class UndoImport(Dialog):
    slug, label, icon = "undo", "Undo", "undo"
    title, submit, danger = "Undo the import?", "Undo the import", True
    in_own_name = UNDONE_IN_OWN_NAME

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        return may_import(viewer) if obj is None else may_change(viewer, obj)

    @classmethod
    def applies(cls, obj: ImportBatch) -> bool:
        worked = obj.rows_done > obj.rows_failed
        return obj.status in batches.ENDED and worked and obj.kind in kinds.KINDS

    @classmethod
    def why_not_needed(cls, obj: ImportBatch) -> str:
        if obj.status == Status.UNDONE or obj.undoing:
            return f"The import of {obj} is undone already."
        return f"There is nothing to undo: the import of {obj} has changed nothing, or has not ended."

    @classmethod
    def blocked(cls, target: ImportBatch, viewer: User) -> str:
        found = batches.undo_preview(target)
        return "" if found["goes"] else "\n".join(["Nothing of it can be undone.", *_stays(found, target)])

    def text(self) -> str:
        found = batches.undo_preview(self.obj)
        lines = ["This goes:", *(f"• {what}" for what in found["goes"]), *_stays(found, self.obj)]
        lines += ["", "It happens in the background. The import's page says then what had to stay."]
        return "\n".join(lines)

    def carry_out(self) -> Done:
        batches.undo(self.obj, by=self.viewer)
        return Done(f"The import of {self.obj} is being undone. You will be told when it is done.")


def _stays(found: dict[str, Any], batch: ImportBatch) -> list[str]:
    what = "assignment" if batch.kind == ImportBatch.Kind.GROUP_MATCHING else "account"
    kept = [f"• {plural(one['count'], what)}: {one['why']}" for one in found["stays"]]
    return ["", "This stays:", *kept] if kept else []


IMPORT_DIALOGS = (CancelImport, UndoImport)
