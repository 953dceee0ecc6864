"""The e-mail about an endpoint that was switched off because deliveries to it failed."""

from django.conf import settings
from django.urls import reverse

from core.models import User, WebhookEndpoint
from core.services.site import mail


def send(person: User, endpoint: WebhookEndpoint) -> str:
    """Send it. Returns an error text; empty on success."""
    page = reverse("admin:core_webhookendpoint_change", args=[endpoint.pk])
    values = {
        "webhook": str(endpoint),
        "url": endpoint.url,
        "why": endpoint.switched_off_why,
        "link": f"{settings.SITE_URL}{page}",
    }
    return mail.send(person.email, "webhook_off", mail.about(person) | values, what="alert about a webhook")
