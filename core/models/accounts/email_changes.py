"""Changes of login addresses: waiting for a confirmation, done, or ended without effect."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.email_display import as_people_write
from core.models.fields.history import kept_name
from core.models.people import User


class EmailChange(models.Model):
    """One change of a user's e-mail address. The link that confirms it is not stored: it is signed when the
    mail is sent, and works only while the account and this row stay unchanged."""

    class State(models.TextChoices):
        PENDING = "pending", "Waiting for confirmation"
        DONE = "done", "Done"
        WITHDRAWN = "withdrawn", "Withdrawn"
        REPLACED = "replaced", "Replaced by a newer one"
        VOID = "void", "No longer possible"

    class Way(models.TextChoices):
        CONFIRMED = "confirmed", "confirmed by a link sent to the new address"
        AT_ONCE = "at_once", "by an administrator, without a confirmation"
        THINKIFIC = "thinkific", "changed in Thinkific"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_changes")
    old_email = models.CharField(max_length=254)
    new_email = models.CharField(max_length=254)
    way = models.CharField(max_length=10, choices=Way)
    asked_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    asked_by_name = kept_name()
    asked_at = models.DateTimeField(default=timezone.now)
    mailed_at = models.DateTimeField(null=True, blank=True, help_text="When a link was last asked for.")
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    ended_at = models.DateTimeField(null=True, blank=True)
    # When the old address was told of the request, and of the change. Set before the mail is sent, so that
    # each is sent once even if the queue runs a task twice.
    warned_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"], condition=Q(state="pending"), name="one_pending_email_change_per_person"
            )
        ]

    def __str__(self) -> str:
        return as_people_write(f"{self.user}: {self.new_email}")
