"""The dialog Export Personal Data: all that is held about a person, in one file."""

from typing import Any

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.exports import files
from core.exports.person.rights import may_export
from core.models import User
from core.models.files.exports import PERSON


class ExportPerson(Dialog):
    slug, label, icon = "export-person", "Export Personal Data", "folder_shared"
    title, submit = "Export all that is held about this person?", "Export"
    in_own_name = files.OWN_NAME
    question = (
        "The file (JSON) has the account, memberships, enrollments, results, certificates, notes, tags, "
        "groups, sign-ins, impersonations, notices, the history, and what was imported about the person. It "
        "has no passwords and no tokens, and names nobody else. It is made in the background; a notice has "
        "the link."
    )

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        return may_export(viewer, obj) if obj is not None else viewer.sees_everything

    def carry_out(self) -> Done:
        files.order(
            by=self.viewer,
            kind=PERSON,
            title=f"Personal data of {self.obj}",
            file_format="json",
            parameters={},
            person=self.obj,
        )
        return Done("The file is being made. A notice tells you when it is ready.")
