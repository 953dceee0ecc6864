"""Notices: messages to a user from work in the background."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models.people import User


class Notice(models.Model):
    """A message to a user. The next page that the user opens, or has open, shows it."""

    class Level(models.TextChoices):
        SUCCESS = "success"
        WARNING = "warning"
        ERROR = "error"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    level = models.CharField(max_length=10, choices=Level, default=Level.SUCCESS)
    text = models.TextField()
    url = models.CharField("URL", max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["user"], name="notice_unseen", condition=Q(seen_at__isnull=True))]

    def __str__(self) -> str:
        return self.text[:60]

    @property
    def link(self) -> str:
        """The words of the link to `url`."""
        return "Download" if self.url.endswith("/download/") else "Look at it"
