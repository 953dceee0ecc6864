"""The outbox: changes that are still to be sent to Thinkific, and those that were."""

from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.text import capfirst

from core.models.fields.history import DoneInImpersonation, kept_name
from core.models.fields.leased import Lease, Leased, LeasedQuerySet

LEASE = timedelta(minutes=2)  # see RENEW_EVERY in integrations/thinkific/push/drain.py
LONGEST_WAIT = timedelta(minutes=45)  # that an entry is ever put off for, whatever the reason


class OutboxQuerySet(LeasedQuerySet["OutboxEntry"]):
    def unsent(self) -> "OutboxQuerySet":
        """Entries that are not finished: pending, in flight, or failed (a person can retry those)."""
        return self.filter(status__in=OutboxEntry.UNSENT)


class OutboxEntry(DoneInImpersonation, Leased):
    """An object whose copy at Thinkific is out of date. It says what is stale, never what to send.

    The push reads the object when it sends it, so ten edits cost one request. An object has at most one
    pending entry. For an object that was deleted here, `thinkific_id` says what to delete there.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "Waiting"
        IN_FLIGHT = "in_flight", "Being sent"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        DISCARDED = "discarded", "Discarded"

    lease = Lease(length=LEASE, longest_wait=LONGEST_WAIT, waiting=Status.PENDING, claimed=Status.IN_FLIGHT)
    UNSENT = (Status.PENDING, Status.IN_FLIGHT, Status.FAILED)

    entity = models.CharField(
        max_length=30, help_text="The model's name: user, enrollment, groupmembership, …"
    )
    object_id = models.BigIntegerField()
    thinkific_id = models.BigIntegerField(null=True, blank=True)
    # The user that the change is about. One user's entries are pushed in order: user, groups, enrollments.
    # The entry stays when the user is deleted: it may be the deletion that has to be sent.
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="outbox_entries",
    )
    reason = models.CharField(max_length=200)
    # Thinkific's last known value of each field when the first unsent change was made: the base of the
    # three-way comparison with our value and Thinkific's present one.
    last_seen = models.JSONField(default=dict, blank=True)
    # The value of each field that was sent and is not confirmed yet. It is stored before sending: if the
    # process dies, a value that we sent is still not taken for a change made in Thinkific.
    sent = models.JSONField(default=dict, db_default={}, blank=True, editable=False)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    priority = models.SmallIntegerField(default=0, help_text="Higher goes first; a person waits for it.")
    # The outcome of the last try is unknown (time-out, crash): look before creating again.
    uncertain = models.BooleanField(default=False)
    error = models.TextField(blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_by_name = kept_name()
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = OutboxQuerySet.as_manager()
    called = ""  # the name to show; set by code that has looked up the object

    class Meta:
        ordering = ["-id"]
        verbose_name = "waiting change"
        verbose_name_plural = "waiting changes"
        constraints = [
            models.UniqueConstraint(
                fields=["entity", "object_id"],
                condition=Q(status="pending"),
                name="one_pending_entry_per_object",
            )
        ]
        indexes = [
            models.Index(fields=["status", "not_before"], name="outbox_due"),
            models.Index(fields=["-priority", "id"], name="outbox_next", condition=Q(status="pending")),
            models.Index(fields=["status"], name="outbox_in_flight", condition=Q(status="in_flight")),
            models.Index(fields=["entity", "object_id"], name="outbox_object"),
            models.Index(fields=["finished_at"], name="outbox_finished_at"),
            models.Index(
                fields=["impersonation"],
                name="outbox_impersonation",
                condition=Q(impersonation__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.called or capfirst(self.reason)
