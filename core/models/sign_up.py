"""Sign-up links: a link by which people join a team themselves, and who asked to join by one."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from core.folding import email_key
from core.models.fields.folded import FoldedField
from core.models.fields.history import kept_name, tracked
from core.models.people import EMAIL_LENGTH, NAME_LENGTH
from core.models.teams import Role, Team

if TYPE_CHECKING:
    from core.models.people import User

MOST_USES = 10_000
LABEL_LENGTH = 100


class SignUpLinkQuerySet(models.QuerySet["SignUpLink"]):
    def visible_to(self, viewer: "User") -> "SignUpLinkQuerySet":
        if viewer.sees_everything:
            return self
        return self.filter(team__in=viewer.managed_teams())


class SignUpLink(models.Model):
    """A link to join a team, for anybody who has it. Its address is signed with the row's values and not
    stored. It has an end, and a number of people who can join by it."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="sign_up_links")
    label = models.CharField(max_length=LABEL_LENGTH, blank=True, help_text="Where the link is used.")
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="+")
    max_uses = models.PositiveIntegerField()
    used_count = models.PositiveIntegerField("used", default=0, editable=False)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_by_name = kept_name()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SignUpLinkQuerySet.as_manager()
    history = tracked(excluded_fields=["used_count", "made_by_name"])

    class Meta:
        verbose_name = "sign-up link"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(used_count__lte=F("max_uses")), name="sign_up_link_within_its_uses"
            ),
            models.CheckConstraint(condition=Q(max_uses__gte=1), name="sign_up_link_has_uses"),
        ]

    def __str__(self) -> str:
        return self.label or f"Sign-up link of {self.team}"


class SignUp(models.Model):
    """A person who asked to join by a link. Whether the address is theirs shows the answer to the mail."""

    link = models.ForeignKey(SignUpLink, on_delete=models.CASCADE, related_name="sign_ups", db_index=False)
    email = models.EmailField(max_length=EMAIL_LENGTH)
    email_key = FoldedField("email", how=email_key)
    first_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    last_name = models.CharField(max_length=NAME_LENGTH, blank=True)
    asked_at = models.DateTimeField(default=timezone.now, db_index=True, editable=False)
    joined_at = models.DateTimeField(null=True, blank=True, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="sign_ups",
    )

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["link", "email_key"], name="one_sign_up_per_link_and_address"),
        ]

    def __str__(self) -> str:
        return f"{self.email} by {self.link}"
