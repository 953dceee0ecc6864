"""Worker processes that are alive."""

from django.db import models
from django.utils import timezone


class WorkerHeartbeat(models.Model):
    """The last sign of life of a worker process. The worker writes it while it runs tasks."""

    host = models.CharField(max_length=100)
    group = models.BigIntegerField(help_text="The process group of its cluster.")
    process = models.BigIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now)
    probed_at = models.DateTimeField(
        null=True, blank=True, help_text="When it last carried out a probe of its supervisor."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["host", "process"], name="one_heartbeat_per_process")]
        indexes = [models.Index(fields=["beat_at"], name="worker_heartbeat_beat_at")]

    def __str__(self) -> str:
        return f"{self.host}:{self.process}"
