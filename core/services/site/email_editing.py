"""Changing the texts of e-mails, and returning to the shipped ones."""

from django.db import transaction
from django.utils import timezone

from core.email_kinds import KINDS
from core.errors import Refusal
from core.models import EmailText, User
from core.services.history import signed
from core.services.site import email_texts

CHANGED, RESET = "e-mail text changed", "shipped e-mail text again"


@transaction.atomic
def change(row: EmailText, *, subject: str, body: str, by: User) -> EmailText:
    """Store another subject and text. Raises Refusal when something is wrong with them."""
    row = EmailText.objects.select_for_update().get(pk=row.pk)
    kind, body = KINDS[row.name], body.replace("\r\n", "\n").strip()
    if wrong := [one for found in email_texts.problems(kind, subject, body).values() for one in found]:
        raise Refusal(" ".join(wrong))
    if (subject, body) == kind.shipped:
        return reset(row, by=by)
    row.subject, row.body, row.changed_at = subject, body, timezone.now()
    signed(row, by=by, reason=CHANGED).save(update_fields=["subject", "body", "changed_at"])
    return row


@transaction.atomic
def reset(row: EmailText, *, by: User) -> EmailText:
    """Return to the shipped text."""
    row = EmailText.objects.select_for_update().get(pk=row.pk)
    if row.is_changed:
        row.subject = row.body = ""
        row.changed_at = None
        signed(row, by=by, reason=RESET).save(update_fields=["subject", "body", "changed_at"])
    return row
