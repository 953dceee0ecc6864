"""The tab Notes of a user's page, with its dialogs: writing a note, changing and deleting one."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from core import moments
from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog
from core.models import Note, Team, User
from core.models.fields.history import done_by
from core.models.tags_and_notes import NOTE_LENGTH
from core.permissions import scope
from core.services import notes
from core.services.notes import BadText


def text_field() -> forms.CharField:
    return forms.CharField(
        label="Note",
        max_length=NOTE_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6, "dir": "auto"}),
        error_messages={"required": "A note needs a text."},
    )


class AddNote(Dialog):
    slug, label, submit, tab, icon = "add-note", "Add Note", "Save", "notes", "note_add"
    refused_at = {BadText: "note"}
    note = text_field()
    team = forms.ModelChoiceField(
        label="For the managers of",
        queryset=Team.objects.none(),
        empty_label=None,
        widget=UnfoldAdminSelectWidget(),
        error_messages={
            "required": "Choose a team.",
            "invalid_choice": "Choose a team of yours that this person is in.",
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.written_for: Team | None = None
        if self.viewer.sees_everything:
            del self.fields["team"]
            return
        teams = scope.teams_where(self.viewer, "notes.create").filter(memberships__user=self.obj)
        shared = {team.pk: team for team in teams.order_by("name", "pk")}
        self.written_for = shared.get(self.obj.home_team_id or 0) or next(iter(shared.values()), None)
        self.offer("team", teams)
        self.suggest("team", self.written_for)
        if len(shared) == 1:
            del self.fields["team"]

    @classmethod
    def may(cls, viewer: User, obj: User | None) -> bool:
        if obj is None:
            return scope.holds(viewer, "notes.create")
        return scope.people_with_notes(viewer, "notes.create").filter(pk=obj.pk).exists()

    def text(self) -> str:
        if not self.viewer.sees_everything:
            return f"Read by the managers of the team and by administrators, never by {self.obj}."
        return (
            f"Read by administrators and by the managers of {self.obj}'s teams, never by {self.obj}. "
            "Managers do not see notes that another team wrote."
        )

    def carry_out(self) -> Done:
        values = self.cleaned_data
        notes.add(
            user=self.obj, text=values["note"], team=values.get("team", self.written_for), by=self.viewer
        )
        return Done(f"The note about {self.obj} is saved.")


class NoteDialog(RowDialog):
    tab = "notes"

    @classmethod
    def may(cls, viewer: User, obj: User | None) -> bool:
        return AddNote.may(viewer, obj) or _deletes_all(viewer)

    @classmethod
    def rows(cls, obj: User, viewer: User) -> QuerySet[Note]:
        return scope.notes_where(viewer, "notes.create").filter(user=obj, author=viewer)

    def described(self) -> str:
        """Returns words that tell the note from others: who wrote it, and when."""
        who = done_by(self.row, "author") or "a deleted account"
        return f"the note of {who} from {moments.exact(self.row.created_at)}"


class EditNote(NoteDialog):
    slug, label, title, submit = "edit-note", "Edit", "Edit Note", "Save"
    shows_stored = True
    refused_at = {BadText: "note"}
    note = text_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["note"].initial = self.row.text

    def carry_out(self) -> Done:
        notes.edit(self.row, text=self.cleaned_data["note"], by=self.viewer)
        return Done("The note is changed.")


class DeleteNote(NoteDialog):
    slug, label, title, submit, danger = "delete-note", "Delete", "Delete Note", "Delete", True

    @classmethod
    def rows(cls, obj: User, viewer: User) -> QuerySet[Note]:
        """One's own; an administrator may delete any."""
        return Note.objects.filter(user=obj) if _deletes_all(viewer) else super().rows(obj, viewer)

    def text(self) -> str:
        return f"Deletes {self.described()} for good."

    def carry_out(self) -> Done:
        notes.delete(self.row, by=self.viewer)
        return Done("The note is deleted.")


def _deletes_all(viewer: User) -> bool:
    return scope.holds_for_the_site(viewer, "core.delete_note")


NOTE_DIALOGS = (AddNote, EditNote, DeleteNote)
