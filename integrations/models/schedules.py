"""The intervals at which kinds are pulled or compared."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from integrations.models.kinds import Kind

LONGEST_INTERVAL = 20_160  # minutes; the queue stores intervals in a small integer field


class SyncSchedule(models.Model):
    """The interval at which one kind is pulled or compared. `sync_schedules` writes it to the queue."""

    kind = models.CharField(
        max_length=20, choices=[choice for choice in Kind.choices if choice[0] != Kind.REPAIR]
    )
    full = models.BooleanField(
        default=True, help_text="Reads everything, not only changes; only this finds what was removed."
    )
    every_minutes = models.PositiveIntegerField(
        "every (minutes)",
        validators=[
            MinValueValidator(1, "A schedule runs every minute at most: enter 1 or more."),
            MaxValueValidator(LONGEST_INTERVAL, "Enter at most 20160 minutes, which is two weeks."),
        ],
        help_text="15 = every quarter of an hour, 1440 = daily.",
    )
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["id"]
        verbose_name = "schedule"
        constraints = [
            models.UniqueConstraint(fields=["kind", "full"], name="one_schedule_per_kind_and_extent"),
            models.CheckConstraint(
                condition=Q(every_minutes__gte=1), name="schedule_runs_at_most_every_minute"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({'full' if self.full else 'changes'})"
