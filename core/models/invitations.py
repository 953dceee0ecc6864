"""Invitations: a team asks a user to join whose account the team cannot see."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models.fields.history import kept_name, tracked
from core.models.teams import Role, Team

if TYPE_CHECKING:
    from core.models.people import User


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def visible_to(self, viewer: "User") -> "InvitationQuerySet":
        if viewer.sees_everything:
            return self
        return self.filter(team__in=viewer.managed_teams())


class Invitation(models.Model):
    """An open invitation. The row is deleted when the invitation is accepted, declined or withdrawn; its
    history stays.

    The team sees `address`, the role and the inviter, and nothing of the invited user's account.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="invitations", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="invitations")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    address = models.EmailField(max_length=254, help_text="The e-mail address as it was typed.")
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    invited_by_name = kept_name()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # The link in the mail is signed with this time, so sending the mail again makes older links invalid.
    sent_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = InvitationQuerySet.as_manager()
    history = tracked(excluded_fields=["invited_by_name"])

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_invitation_per_team_and_user"),
        ]

    def __str__(self) -> str:
        return f"{self.address} for {self.team}"
