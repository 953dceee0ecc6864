"""Dialogs about the text of an e-mail: edit, test, return to the shipped one."""

from typing import Any

from django import forms
from unfold.widgets import BASE_INPUT_CLASSES, UnfoldAdminTextareaWidget

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.email_kinds import KINDS
from core.models import EmailText, User
from core.models.emails import SUBJECT_LENGTH
from core.services.accounts import email_tests
from core.services.site import email_editing, email_texts

ROWS = 14


class EmailDialog(Dialog):
    permission = "core.change_emailtext"


class EditText(EmailDialog):
    slug, label, submit, icon = "edit", "Edit Text", "Save", "edit"
    template = "dashboard/email_dialog.html"
    shows_stored = True
    subject = forms.CharField(
        label="Subject",
        max_length=SUBJECT_LENGTH,
        widget=forms.TextInput(attrs={"class": " ".join(BASE_INPUT_CLASSES), "data-email": "subject"}),
    )
    body = forms.CharField(
        label="Text",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": ROWS, "class": "email-body", "data-email": "body"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["subject"].initial, self.fields["body"].initial = email_texts.present(self.obj)

    def text(self) -> str:
        return f"{KINDS[self.obj.name].when} Plain text; links are made by the mailbox."

    def page_context(self) -> dict[str, Any]:
        typed = [self[name].value() or "" for name in ("subject", "body")]
        subject, body = email_texts.example(self.obj.name, *typed)
        return {
            "placeholders": KINDS[self.obj.name].placeholders.items(),
            "preview_subject": subject,
            "preview_body": body,
        }

    def clean(self) -> dict[str, Any]:
        sent = super().clean() or self.cleaned_data
        if "subject" in sent and "body" in sent:
            body = sent["body"].replace("\r\n", "\n")
            for field, found in email_texts.problems(KINDS[self.obj.name], sent["subject"], body).items():
                for problem in found:
                    self.add_error(field, problem)
        return sent

    def carry_out(self) -> Done:
        sent = self.cleaned_data
        row = email_editing.change(
            self.obj, subject=sent["subject"], body=sent["body"].replace("\r\n", "\n"), by=self.viewer
        )
        return Done(f"{row}: the text is saved." if row.is_changed else f"{row} has the shipped text.")


class SendTest(EmailDialog):
    slug, label, icon = "send-test", "Send Test to Me", "forward_to_inbox"

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        # Not while an administrator acts as the viewer: the mailbox is not theirs.
        return super().may(viewer, obj) and not getattr(viewer, "is_hijacked", False)

    def text(self) -> str:
        return f"Sends this e-mail with example values to {self.viewer.email}. Its links lead nowhere."

    def carry_out(self) -> Done:
        email_tests.ask(self.obj, by=self.viewer)
        return Done(f"A test e-mail goes to {self.viewer.email}. A notice says when it was sent.")


class ResetText(EmailDialog):
    slug, label, submit, icon = "reset", "Use Shipped Text", "Use it", "settings_backup_restore"
    shows_stored = True
    danger = True

    @classmethod
    def applies(cls, obj: EmailText) -> bool:
        return obj.is_changed

    @classmethod
    def why_not_needed(cls, obj: EmailText) -> str:
        return "This e-mail has the shipped text."

    def text(self) -> str:
        return "The e-mail gets the subject and text of the shipped dashboard. The history keeps yours."

    def carry_out(self) -> Done:
        return Done(f"{email_editing.reset(self.obj, by=self.viewer)} has the shipped text.")


EMAIL_DIALOGS = (EditText, SendTest, ResetText)
