"""Whether an object's changes have been sent to Thinkific."""

from django.db import models


class PushState(models.TextChoices):
    CLEAN = "clean"
    PENDING = "pending"
    FAILED = "failed"
