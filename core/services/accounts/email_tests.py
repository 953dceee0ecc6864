"""Test mails: an administrator reads in their own mailbox what an e-mail will look like."""

from datetime import timedelta
from functools import partial

from django.db import transaction
from django_q.tasks import async_task

from core.errors import Refusal
from core.models import EmailText, User
from core.services.accounts import allowances
from core.services.site import email_texts

TASK = "core.tasks.send_test_email"
AN_HOUR = timedelta(hours=1)
MOST = 20  # test mails of one user in an hour


@transaction.atomic
def ask(row: EmailText, *, by: User) -> None:
    """Queue a test mail with the present text to `by`. Raises Refusal after MOST mails in an hour."""
    if allowances.take("test mail to", str(by.pk), limit=MOST, window=AN_HOUR):
        raise Refusal(f"You got {MOST} test e-mails within an hour. Try again later.")
    subject, body = email_texts.present(row)
    transaction.on_commit(partial(async_task, TASK, row.name, by.pk, subject, body, save=False))
