"""What can be done with a migration: apply it, check it again, undo it, stop it, delete it."""

from typing import Any

from django import forms
from django.urls import reverse
from unfold.widgets import UnfoldAdminRadioSelectWidget

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.in_page import PageDialog
from core.exports import files
from core.migration import export, life
from core.migration.rows import Verdict
from core.models import Migration, User
from core.wording import one_or_many, plural

Status, Step = Migration.Status, Migration.Step
TOLD = "You will be told when it is done."


def counted(migration: Migration, name: str) -> int:
    return sum(migration.counts.values_list(name, flat=True))


class ExportEverything(PageDialog):
    """Lets a worker write everything to a file, where it is large."""

    slug, label, submit = "export-everything", "Export everything", "Export"
    permission = "core.run_tools"
    question = "There is much to write, so it is done in the background. You get a notice with the download."
    form = forms.ChoiceField(
        label="Format",
        choices=[("csv", "CSV files (.zip)"), ("json", "JSON")],
        widget=UnfoldAdminRadioSelectWidget(),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggest("form", "csv")

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        return export.may(viewer)

    def post_url(self) -> str:
        return reverse("admin:order_everything")

    def carry_out(self) -> Done:
        form = self.cleaned_data["form"]
        files.order(
            by=self.viewer,
            kind=export.EVERYTHING,
            title="Everything",
            file_format=export.FORMATS[form][1],
            parameters={"form": form},
            rows=export.count(),
        )
        return Done("Everything is being exported. You get a notice with the download when it is done.")


class _OfMigration(Dialog):
    permission = "core.run_tools"


class Apply(_OfMigration):
    slug, label, icon, submit = "apply", "Apply", "play_arrow", "Apply"
    in_own_name = life.OWN_NAME

    @classmethod
    def applies(cls, obj: Migration) -> bool:
        return obj.status in {Status.CHECKED, Status.STOPPED}

    @classmethod
    def blocked(cls, target: Migration, viewer: User) -> str:
        if target.created_by_id != viewer.pk:
            return (
                f"{target.created_by or 'Somebody else'} checked this migration, and it is applied with "
                "their permissions. Check it again yourself, then you can apply it."
            )
        if target.status == Status.CHECKED and not counted(target, "new"):
            return "There is nothing to apply: no row of the file is new here."
        return ""

    def text(self) -> str:
        new, made = counted(self.obj, "new"), counted(self.obj, "made")
        rights = self.obj.rows.filter(kind="global_roles", verdict=Verdict.NEW).count()
        said = f"{plural(new - made, 'thing is', 'things are')} made here. "
        if rights:
            said += f"{plural(rights, 'person gets', 'people get')} a global role. "
        if refused := counted(self.obj, "refused"):
            said += f"{plural(refused, 'row is', 'rows are')} left out, as refused. "
        return f"{said}What is here already stays as it is. Nobody gets an e-mail; Thinkific is not touched."

    def carry_out(self) -> Done:
        life.apply(self.obj, by=self.viewer)
        return Done(f"The migration is being applied. {TOLD}")


class CheckAgain(_OfMigration):
    slug, label, icon, submit = "check-again", "Check Again", "fact_check", "Check"
    in_own_name = life.OWN_NAME
    question = "Compares the file again with what is here now, in your name. Nothing is changed."

    @classmethod
    def applies(cls, obj: Migration) -> bool:
        return obj.status in {Status.CHECKED, Status.FAILED, Status.UNDONE}

    def carry_out(self) -> Done:
        life.check_again(self.obj, by=self.viewer)
        return Done(f"The file is being checked. {TOLD}")


class Preview(_OfMigration):
    slug, label, icon, submit = "preview-undo", "Preview Undo", "manage_search", "Preview"
    in_own_name = life.OWN_NAME
    question = (
        "Looks which things of this migration an undo would take back, and which stay because they were "
        "changed or used since. Nothing is changed."
    )

    @classmethod
    def applies(cls, obj: Migration) -> bool:
        return obj.status in {Status.APPLIED, Status.STOPPED}

    def carry_out(self) -> Done:
        life.preview(self.obj, by=self.viewer)
        return Done("The dashboard looks what can be undone. This page shows it when it is done.")


class Undo(_OfMigration):
    slug, label, icon, submit, danger = "undo", "Undo", "undo", "Undo", True
    in_own_name = life.OWN_NAME

    @classmethod
    def applies(cls, obj: Migration) -> bool:
        return obj.status in {Status.APPLIED, Status.STOPPED} and obj.previewed_at is not None

    @classmethod
    def blocked(cls, target: Migration, viewer: User) -> str:
        return (
            "" if counted(target, "goes") else "Nothing can be undone: everything was changed or used since."
        )

    def text(self) -> str:
        goes, stays = counted(self.obj, "goes"), counted(self.obj, "stays")
        said = f"{plural(goes, 'thing')} that this migration made {one_or_many(goes, 'is', 'are')} deleted."
        if stays:
            said += (
                f" {plural(stays, 'thing stays', 'things stay')}, as the tab Rows says. What was changed or "
                "used meanwhile stays too."
            )
        return f"{said} Thinkific is not touched."

    def carry_out(self) -> Done:
        life.undo(self.obj, by=self.viewer)
        return Done(f"The migration is being undone. {TOLD}")


class Stop(_OfMigration):
    slug, label, icon, submit, danger = "stop", "Stop", "stop_circle", "Stop", True

    @classmethod
    def applies(cls, obj: Migration) -> bool:
        return obj.status == Status.RUNNING

    def text(self) -> str:
        after = {
            Step.CHECK: "Nothing was changed. The file can be checked again.",
            Step.APPLY: "What was made until then stays. You can go on with Apply, or undo it.",
            Step.UNDO: "What was taken back until then is gone. You can go on with Undo.",
        }
        return after.get(Step(self.obj.step), "Nothing was changed.")

    def carry_out(self) -> Done:
        if life.stop(self.obj, by=self.viewer):
            return Done("It is stopped.")
        return Done("It had ended already.", is_warning=True)


class Delete(_OfMigration):
    slug, label, icon, submit, danger = "delete", "Delete", "delete", "Delete", True
    question = "Deletes the uploaded file and what is known of its rows. Nothing else changes."

    @classmethod
    def applies(cls, obj: Migration) -> bool:
        return obj.status in {Status.CHECKED, Status.FAILED, Status.UNDONE}

    def carry_out(self) -> Done:
        name = str(self.obj)
        life.delete(self.obj, by=self.viewer)
        return Done(f"{name} is deleted.", reverse("admin:tools_migration"))


DIALOGS = (Apply, CheckAgain, Preview, Undo, Stop, Delete)
