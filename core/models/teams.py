"""Teams, their members with their roles, and the organizations that group teams."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.folding import bare
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet
from core.models.fields.history import tracked
from core.permissions.codes import PERMISSIONS
from core.permissions.overrides import effective

if TYPE_CHECKING:
    from core.models.people import User


class Organization(Folded):
    """Groups teams under one management. Users are members of its teams, not of the organization itself."""

    name = models.CharField(max_length=255)
    folded = FoldedField("name")
    plain = FoldedField("name", how=bare)
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = FoldedQuerySet.as_manager()
    history = tracked(excluded_fields=["folded", "plain"])

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["folded"], condition=Q(folded__isnull=False), name="one_organization_per_name"
            )
        ]
        indexes = [
            models.Index(fields=["name", "id"], name="organization_name"),
            models.Index(fields=["created_at", "id"], name="organization_created_at"),
        ]

    def __str__(self) -> str:
        return self.name


class RoleManager(models.Manager.from_queryset(FoldedQuerySet)):  # type: ignore[misc]
    def get_by_natural_key(self, code: str) -> "Role":
        """Fixtures name built-in roles by code: a migration makes them, and their primary keys differ."""
        return self.get(code=code)


class Role(Folded):
    """A named set of permissions. A user holds it in one team, or everywhere when the role is global."""

    name = models.CharField(max_length=100)
    folded = FoldedField("name")
    plain = FoldedField("name", how=bare)
    code = models.SlugField(null=True, blank=True, editable=False, help_text="Set on built-in roles only.")
    is_global = models.BooleanField("global role", default=False)
    permissions = models.JSONField(default=list, blank=True)
    limited_to: models.ManyToManyField = models.ManyToManyField(
        "core.Team",
        blank=True,
        related_name="own_roles",
        help_text="The only teams in which this role can be given. Empty: in all teams.",
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = RoleManager()
    history = tracked(excluded_fields=["folded", "plain"])

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["folded"], condition=Q(folded__isnull=False), name="one_role_per_name"
            ),
            models.UniqueConstraint(fields=["code"], name="one_role_per_code"),
        ]
        indexes = [
            models.Index(fields=["name", "id"], name="role_name"),
            models.Index(fields=["created_at", "id"], name="role_created_at"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_builtin(self) -> bool:
        return self.code is not None

    def clean(self) -> None:
        super().clean()
        unknown = sorted(set(self.permissions) - set(PERMISSIONS))
        if unknown:
            raise ValidationError({"permissions": f"There is no permission called {', '.join(unknown)}."})


class TeamQuerySet(FoldedQuerySet["Team"]):
    def visible_to(self, viewer: "User") -> "TeamQuerySet":
        if viewer.sees_everything:
            return self
        return self.filter(pk__in=viewer.managed_teams().values("pk"))

    def current(self) -> "TeamQuerySet":
        """Teams that are not archived."""
        return self.filter(archived_at__isnull=True)


class Team(Folded):
    """A group of people at a customer: a class, a department, or a manager with their people."""

    name = models.CharField(max_length=255)
    folded = FoldedField("name")
    plain = FoldedField("name", how=bare)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="owned_teams",
        help_text="Every team has one. The owner is a member too and can be replaced, not removed.",
    )
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.SET_NULL, related_name="teams"
    )
    is_personal = models.BooleanField(default=False, editable=False)
    max_members = models.PositiveIntegerField(
        null=True, blank=True, help_text="The most students this team may have. Empty: no limit."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    members: models.ManyToManyField = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="core.Membership", related_name="teams"
    )
    objects = TeamQuerySet.as_manager()
    history = tracked(excluded_fields=["folded", "plain"])

    class Meta:
        ordering = ["name", "id"]
        permissions = [("assign_team", "Can add people to teams")]
        constraints = [
            models.UniqueConstraint(
                fields=["folded"],
                condition=Q(archived_at__isnull=True, folded__isnull=False),
                name="one_team_per_name",
            )
        ]
        indexes = [
            models.Index(fields=["name", "id"], name="team_name"),
            models.Index(fields=["created_at", "id"], name="team_created_at"),
        ]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, viewer: "User") -> "MembershipQuerySet":
        if viewer.sees_everything:
            return self
        return self.filter(Q(team__in=viewer.managed_teams()) | Q(user=viewer))


class Membership(models.Model):
    """A user's membership in a team, with exactly one role."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.ForeignKey(
        Role, on_delete=models.PROTECT, related_name="memberships", limit_choices_to={"is_global": False}
    )
    joined_at = models.DateTimeField(default=timezone.now, editable=False)
    # The team sees of a guest only this membership and what belongs to it. See docs/security.md.
    as_guest = models.BooleanField(default=False, db_default=False, editable=False)
    # Permission code -> "allow" or "deny". What is not named is inherited from the role.
    overrides = models.JSONField(null=True, blank=True, editable=False)

    objects = MembershipQuerySet.as_manager()
    history = tracked()

    class Meta:
        ordering = ["-joined_at"]
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team_and_user"),
        ]
        # The members of a team are listed by when they joined, the newest first.
        indexes = [models.Index(fields=["team", "joined_at", "id"], name="membership_joined_at")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"

    def codes(self) -> set[str]:
        """Returns the permissions that the user has in this team: those of the role, with the overrides."""
        return effective(self.role.permissions, self.overrides)
