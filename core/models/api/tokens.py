"""Tokens for the REST API."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.folding import searched
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet


class ApiToken(Folded):
    """A bearer token. The secret is shown once and stored hashed. A request with it has its user's rights."""

    name = models.CharField(max_length=100)
    folded = FoldedField("name", how=searched)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    prefix = models.CharField(
        max_length=12, editable=False, help_text="The readable start, to tell tokens apart."
    )
    digest = models.CharField(max_length=64, editable=False, help_text="SHA-256 of the secret, hex.")
    scopes = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_from = models.GenericIPAddressField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = FoldedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "API token"
        constraints = [models.UniqueConstraint(fields=["digest"], name="one_api_token_per_digest")]

    def __str__(self) -> str:
        return self.name
