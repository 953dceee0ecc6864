"""Telling the administrators of a payment that was not carried out, by a notice and an e-mail."""

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django_q.tasks import async_task

from core.models import Notice, StripeEvent, User
from core.permissions import scope
from core.services.payments.inbox import TOPICS
from core.services.site import mail, notices

CODE = "payments.manage"
ALERT_TASK = "core.tasks.send_payment_alert"


def tell(event: StripeEvent, why: str) -> None:
    """Tell whoever may carry it out again. Call it in a transaction."""
    people = told()
    text = f"A payment was not carried out ({TOPICS[event.topic]}). {why}"
    notices.tell(people, text, level=Notice.Level.ERROR, url=_page(event))
    for person in people:
        transaction.on_commit(lambda key=person.pk: async_task(ALERT_TASK, event.pk, key, save=False))  # type: ignore[misc]


def told() -> list[User]:
    return list(scope.holders(CODE))


def send(person: User, event: StripeEvent) -> str:
    """Send the e-mail. Returns an error text; empty on success."""
    values = {
        "event": TOPICS[event.topic],
        "why": event.outcome,
        "link": f"{settings.SITE_URL}{_page(event)}",
    }
    return mail.send(
        person.email, "payment_failed", mail.about(person) | values, what="alert about a payment"
    )


def _page(event: StripeEvent) -> str:
    return reverse("admin:core_stripeevent_change", args=[event.pk])
