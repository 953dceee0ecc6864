"""Thinkific's groups, the teams that they are assigned to (each with its own direction), and their
members."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from core.folding import bare
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet
from core.models.fields.history import tracked
from core.models.fields.push_state import PushState
from core.models.teams import Role, Team

if TYPE_CHECKING:
    from core.models.people import User

GROUP_NAME_LENGTH = 255


class Direction(models.TextChoices):
    DISABLED = "disabled", "Disabled"
    BIDIRECTIONAL = "bidirectional", "Bidirectional"
    DASHBOARD_TO_THINKIFIC = "dashboard_to_thinkific", "Dashboard-to-Thinkific"
    THINKIFIC_TO_DASHBOARD = "thinkific_to_dashboard", "Thinkific-to-Dashboard"

    @property
    def pulls(self) -> bool:
        return self in {Direction.BIDIRECTIONAL, Direction.THINKIFIC_TO_DASHBOARD}

    @property
    def pushes(self) -> bool:
        return self in {Direction.BIDIRECTIONAL, Direction.DASHBOARD_TO_THINKIFIC}


class GroupQuerySet(FoldedQuerySet["ThinkificGroup"]):
    def visible_to(self, viewer: "User") -> "GroupQuerySet":
        if viewer.sees_everything:
            return self
        assignments = GroupAssignment.objects.filter(team__in=viewer.managed_teams())
        return self.filter(pk__in=assignments.values("group"))

    def with_pending(self) -> "GroupQuerySet":
        """Annotate `is_pending`: something about the group is not synced yet, and the screen shows its Status
        as Active. Always false for a group that Thinkific no longer has.

        `sync_requested_at` is a run that somebody asked for. An assignment says itself whether it waits: so
        one that is disabled or removed leaves nothing behind."""
        unsynced = GroupAssignment.objects.exclude(direction=Direction.DISABLED).filter(
            Q(last_synced_at__isnull=True) | Q(changed_at__gt=F("last_synced_at")) | ~Q(last_error=""),
            group=OuterRef("pk"),
        )
        unpushed = GroupMembership.objects.exclude(push_state="clean").filter(group=OuterRef("pk"))
        return self.annotate(
            is_pending=Q(removed_at__isnull=True)
            & (
                Q(last_synced_at__isnull=True)
                # `isnull=False` keeps the result from being NULL, which a filter for False would not find.
                | Q(sync_requested_at__isnull=False, sync_requested_at__gt=F("last_synced_at"))
                | Exists(unsynced)
                | Exists(unpushed)
            )
        )


class ThinkificGroup(Folded):
    """A group of Thinkific. One that was made here has no Thinkific id until it is sent."""

    name = models.CharField(max_length=GROUP_NAME_LENGTH)
    folded = FoldedField("name")
    plain = FoldedField("name", how=bare)
    token = models.CharField(max_length=100, blank=True)
    thinkific_id = models.BigIntegerField("Thinkific ID", null=True, blank=True, editable=False)
    thinkific_created_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    sync_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = GroupQuerySet.as_manager()

    class Meta:
        verbose_name = "group"
        verbose_name_plural = "groups"
        ordering = ["name", "id"]
        permissions = [("sync_thinkificgroup", "Can sync groups")]
        constraints = [
            models.UniqueConstraint(fields=["thinkific_id"], name="one_group_per_thinkific_id"),
            # Thinkific may have several groups of one name. Two that are made here would become one there.
            models.UniqueConstraint(
                fields=["folded"],
                condition=Q(thinkific_id__isnull=True, removed_at__isnull=True, folded__isnull=False),
                name="one_new_group_per_name",
            ),
        ]
        indexes = [
            models.Index(fields=["name", "id"], name="group_name"),
            models.Index(fields=["token", "id"], name="group_token"),
        ]

    def __str__(self) -> str:
        return self.name


class GroupAssignment(models.Model):
    """A group that is assigned to a team. The direction is a field of the assignment, because one group can
    serve two teams in two directions."""

    group = models.ForeignKey(
        ThinkificGroup, on_delete=models.CASCADE, related_name="assignments", db_index=False
    )
    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="group_assignments")
    direction = models.CharField(max_length=25, choices=Direction, default=Direction.BIDIRECTIONAL)
    role = models.ForeignKey(
        Role,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        limit_choices_to={"is_global": False},
        help_text="The role for people who join the team from the group. Empty: Student.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)
    last_synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    history = tracked(excluded_fields=["last_synced_at", "last_error"])

    class Meta:
        ordering = ["group", "id"]
        constraints = [
            models.UniqueConstraint(fields=["group", "team"], name="one_assignment_per_group_and_team"),
        ]

    def __str__(self) -> str:
        return f"{self.group} for {self.team}"


class GroupMembership(models.Model):
    """A user in a group: in Thinkific already, or to be sent there."""

    class Source(models.TextChoices):
        THINKIFIC = "thinkific", "Thinkific"
        DASHBOARD = "dashboard"

    PushState = PushState

    group = models.ForeignKey(
        ThinkificGroup, on_delete=models.CASCADE, related_name="memberships", db_index=False
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="group_memberships"
    )
    source = models.CharField(max_length=10, choices=Source, default=Source.THINKIFIC)
    push_state = models.CharField(max_length=10, choices=PushState, default=PushState.CLEAN)
    first_seen_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["group", "id"]
        constraints = [
            models.UniqueConstraint(fields=["group", "user"], name="one_membership_per_group_and_user"),
        ]
        indexes = [
            models.Index(fields=["group"], name="group_membership_unpushed", condition=~Q(push_state="clean"))
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.group}"
