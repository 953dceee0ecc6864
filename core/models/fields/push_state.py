"""How an object stands with Thinkific."""

from django.db import models


class PushState(models.TextChoices):
    CLEAN = "clean"
    PENDING = "pending"
    FAILED = "failed"
