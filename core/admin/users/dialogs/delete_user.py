"""The dialog Delete User. It lists what is deleted, and is confirmed by typing the user's e-mail address."""

from typing import Any

from django import forms
from django.urls import reverse

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.sync.sync_line import follows
from core.admin.users.dialogs.fields import email_field
from core.folding import email_key
from core.models import User
from core.permissions import students
from core.services.accounts import deletions
from core.wording import listed, plural


class DeleteUser(Dialog):
    slug, label, icon, danger = "delete", "Delete User", "delete", True
    email = email_field()
    described = forms.CharField(widget=forms.HiddenInput(), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deletion = deletions.describe(self.obj, by=self.viewer)
        self.fields["described"].initial = self.deletion.fingerprint()
        field: Any = self.fields["email"]
        field.is_new = False
        field.label = "E-mail, to confirm"
        field.help_text = f"Type {self.obj.shown_email}."
        field.widget.attrs["autocomplete"] = "off"
        field.error_messages["required"] = "Nothing was deleted: the e-mail is missing."

    @classmethod
    def may(cls, viewer: User, obj: User) -> bool:
        return students.may_delete(viewer, obj)

    @classmethod
    def blocked(cls, target: User, viewer: User) -> str:
        return deletions.obstacle(target, by=viewer)

    def text(self) -> str:
        return "\n".join(self.deletion.sentences())

    def clean_email(self) -> str:
        if email_key(self.cleaned_data["email"]) != email_key(self.obj.email):
            raise forms.ValidationError(f"This is not the e-mail of {self.obj}. Nothing was deleted.")
        return self.obj.email

    def clean_described(self) -> str:
        now = self.deletion.fingerprint()
        if self.cleaned_data["described"] != now:
            self.data = {**self.data, "described": now}  # the next confirmation is about what is shown now
            raise forms.ValidationError("changed")
        return now

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self.errors.pop("described", None):
            self.add_error(
                None,
                f"The data of {self.obj} has changed since you opened this. You see the present state. "
                "Nothing was deleted.",
            )
        return values

    def carry_out(self) -> Done:
        deletions.delete(self.obj, confirmed=self.deletion, by=self.viewer)
        said = f"{self.deletion.name} is deleted{self._along()}."
        return Done(follows(self.obj, self.viewer, said), reverse("admin:core_user_changelist"))

    def _along(self) -> str:
        along = self.deletion.along
        if along is None:
            return ""
        gone = [plural(len(along.teams), "team"), plural(len(along.students), "student")]
        return f", with {listed(gone)}"
