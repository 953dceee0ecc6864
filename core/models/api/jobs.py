"""Jobs: work that an API call started and that goes on after its answer."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone


class Job(models.Model):
    """What a client asks for with the `job` of a 202. It has no state of its own: that is the state of its
    changes in the outbox, or of its run (core/services/api/jobs.py)."""

    class Kind(models.TextChoices):
        ENROLL = "enroll"
        EXPIRY = "expiry"
        GROUP_SYNC = "group_sync"
        PROVISION = "provision"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    run_id = models.BigIntegerField(null=True, blank=True, help_text="The run that the call started.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["created_at"], name="job_created_at")]

    def __str__(self) -> str:
        return str(self.pk)


class JobChange(models.Model):
    """An outbox entry that a job waits for. The entry may be deleted before the job."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="changes")
    entry_id = models.BigIntegerField()
    entity = models.CharField(max_length=30)
    object_id = models.BigIntegerField()

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.entity} {self.object_id}"
