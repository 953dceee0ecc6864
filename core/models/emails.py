"""Texts of e-mails that administrators have changed."""

from django.db import models

from core.email_kinds import KINDS
from core.models.fields.history import tracked

SUBJECT_LENGTH = 150


class EmailText(models.Model):
    """The subject and text of one e-mail; both are empty while the shipped text is sent."""

    name = models.CharField(max_length=50)  # of core/email_kinds.py
    subject = models.CharField(max_length=SUBJECT_LENGTH, blank=True, default="")
    body = models.TextField("text", blank=True, default="")
    changed_at = models.DateTimeField(null=True, blank=True)

    history = tracked(excluded_fields=["changed_at"])

    class Meta:
        verbose_name = "e-mail"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["name"], name="one_text_per_email"),
            models.CheckConstraint(
                condition=models.Q(subject="", body="") | ~models.Q(models.Q(subject="") | models.Q(body="")),
                name="an_email_text_has_subject_and_body",
            ),
        ]

    def __str__(self) -> str:
        kind = KINDS.get(self.name)
        return kind.title if kind is not None else self.name

    @property
    def is_changed(self) -> bool:
        return bool(self.body)
