"""Secrets that administrators entered. They are encrypted (core/services/site/secrets.py) and never shown."""

from django.db import models
from django.utils import timezone

from core.models.fields.history import tracked


class StoredSecret(models.Model):
    """A secret under the name that it has in the environment. Its history says when it changed, not to
    what."""

    class Name(models.TextChoices):
        API_KEY = "THINKIFIC_API_KEY", "API key"
        ACCESS_TOKEN = "THINKIFIC_ACCESS_TOKEN", "API access token"
        WEBHOOK_SECRETS = "THINKIFIC_WEBHOOK_SECRETS", "webhook secrets"
        STRIPE = "STRIPE_WEBHOOK_SECRET", "Stripe signing secret"

    name = models.CharField(max_length=40, choices=Name, unique=True)
    encrypted = models.TextField(editable=False)
    changed_at = models.DateTimeField(default=timezone.now)

    history = tracked(excluded_fields=["encrypted"])

    class Meta:
        verbose_name = "stored key"

    def __str__(self) -> str:
        return self.get_name_display()
