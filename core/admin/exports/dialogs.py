"""The dialogs of the screen Exports."""

from typing import Any, ClassVar

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.exports import files
from core.models import ExportFile, User


class _OfFile(Dialog):
    """For whoever sees the file: its owner, and administrators."""

    in_own_name: ClassVar[str] = files.OWN_FILES

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        return viewer.has_perm("core.view_exportfile")


class Cancel(_OfFile):
    slug, label, icon, submit = "cancel", "Cancel", "cancel", "Cancel Export"
    title = "Stop making this file?"
    question = "Nothing is kept of it. The list can be exported again at any time."

    @classmethod
    def applies(cls, obj: Any) -> bool:
        return obj.status in ExportFile.ACTIVE

    def carry_out(self) -> Done:
        if files.cancel(self.obj):
            return Done(f"The export of {self.obj} is cancelled.")
        return Done("The file is finished already.", is_warning=True)


class DeleteFile(_OfFile):
    slug, label, icon, submit, danger = "delete-file", "Delete", "delete", "Delete File", True
    title = "Delete this file?"
    question = "Nobody can download it any more. This list still says who asked for it."

    @classmethod
    def applies(cls, obj: Any) -> bool:
        return obj.status == ExportFile.Status.SUCCEEDED

    def carry_out(self) -> Done:
        if files.delete(self.obj):
            return Done(f"The file of {self.obj} is deleted.")
        return Done("The file is gone already.", is_warning=True)


EXPORT_DIALOGS = (Cancel, DeleteFile)
