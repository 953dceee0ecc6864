"""Links that sign a user in once. They are sent by e-mail."""

from django.db import models
from django.utils import timezone

from core import moments
from core.models.people import User

NEXT_LENGTH = 500


class SignInLink(models.Model):
    """One link. Its secret part is not stored: it is signed when the mail is sent, and works only while the
    account and this row stay unchanged."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_in_links")
    made_at = models.DateTimeField(default=timezone.now, db_index=True)
    used_at = models.DateTimeField(null=True, blank=True)  # or ended, because another link was used
    next_page = models.CharField(max_length=NEXT_LENGTH, blank=True, default="")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.user}, {moments.clock(self.made_at)}"
