"""What Thinkific knows of people who came back, and is not read yet."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class UnreadRecords(models.Model):
    """The records of one kind of a person whose Thinkific account is older than the account here. Pulls of
    changes do not bring them, so they are read on purpose; then the row is deleted."""

    class Kind(models.TextChoices):
        ENROLLMENTS = "enrollments", "enrollments"
        QUIZ_RESULTS = "quiz_results", "quiz results"
        CERTIFICATES = "certificates", "certificates"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="unread_records"
    )
    kind = models.CharField(max_length=20, choices=Kind)
    noted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "user"], name="unread_records_of_a_kind_once_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.user}"
