"""Calls of the REST API that a client may repeat without repeating their effect."""

from django.conf import settings
from django.db import models
from django.utils import timezone

KEY_LENGTH = 255


class IdempotentCall(models.Model):
    """A POST with an Idempotency-Key and its answer, written in the transaction of the change. The same key
    and body get this answer again."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=KEY_LENGTH)
    digest = models.CharField(max_length=64, help_text="SHA-256 of method, path and body, hex.")
    status = models.PositiveSmallIntegerField(default=0)
    body = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["user", "key"], name="one_call_per_issuer_and_key")]
        indexes = [models.Index(fields=["created_at"], name="idempotent_call_created_at")]

    def __str__(self) -> str:
        return self.key
