"""Conflicts between the dashboard and Thinkific that an administrator should decide or see."""

from typing import Any

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.text import capfirst

from core.folding import searched
from core.models import User
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet
from core.models.fields.history import done_by, kept_name


class SyncConflict(Folded):
    """A difference between the dashboard and Thinkific, kept for an administrator.

    Kind `value`: both sides changed the same field since they last agreed. One value was kept; both are
    stored here. Kinds `link` and `email`: Thinkific reports something about a protected account that needs a
    decision (core/services/identity.py); nothing was changed.
    """

    class Kind(models.TextChoices):
        VALUE = "value", "Both sides changed a field"
        LINK = "link", "Same person?"
        EMAIL = "email", "Login changed in Thinkific"

    IDENTITY = (Kind.LINK, Kind.EMAIL)

    class Resolution(models.TextChoices):
        KEPT_OURS = "kept_ours", "the dashboard's value stayed"
        KEPT_THEIRS = "kept_theirs", "Thinkific's value stayed"
        LINKED = "linked", "the two were linked"
        APART = "apart", "the two were kept apart"
        PASSED = "passed", "nothing was left to decide"

    run = models.ForeignKey(
        "integrations.SyncRun", null=True, blank=True, on_delete=models.SET_NULL, related_name="conflicts"
    )
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.VALUE, db_default=Kind.VALUE)
    entity = models.CharField(max_length=30)
    object_id = models.BigIntegerField()
    label = models.CharField(max_length=600, help_text="The object's name when it happened.")
    folded = FoldedField("label", how=searched)
    field = models.CharField(max_length=50)
    ours = models.TextField(blank=True)
    theirs = models.TextField(blank=True)
    # For `link` and `email`: the Thinkific account, what Thinkific reports about it, and when it last did.
    thinkific_id = models.BigIntegerField(null=True, blank=True)
    facts = models.JSONField(default=dict, db_default={}, blank=True)
    seen_at = models.DateTimeField(default=timezone.now, db_default=Now())
    resolution = models.CharField(max_length=12, choices=Resolution)
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    settled_by_name = kept_name()

    objects = FoldedQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "conflict"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id"],
                condition=Q(settled_at__isnull=True, kind__in=["link", "email"]),
                name="one_open_conflict_per_identity",
            )
        ]
        indexes = [models.Index(fields=["entity", "object_id"], name="sync_conflict_object")]

    called = ""

    def __str__(self) -> str:
        return f"{self.whose}: {capfirst(self.what)}"

    @property
    def whose(self) -> str:
        """The person's name if a screen has looked it up (`called`); else the label, perhaps an address."""
        return self.called or self.label

    @property
    def what(self) -> str:
        return _field_in_words(self.field) if self.kind == self.Kind.VALUE else self._kind_in_words()

    def _kind_in_words(self) -> str:
        words = str(self.get_kind_display())
        return words[:1].lower() + words[1:]

    @property
    def is_identity(self) -> bool:
        return self.kind in self.IDENTITY

    def settled_in_words(self) -> str:
        """Say who has settled the conflict and how, for an administrator who comes later; "" while open."""
        if self.settled_at is None:
            return ""
        who = done_by(self, "settled_by")
        outcome = self.Resolution(self.resolution).label
        return f"“{self}” has been settled already{f' by {who}' if who else ''}: {outcome}."

    def fact(self, name: str) -> Any:
        return self.facts.get(name)


def _field_in_words(name: str) -> str:
    """Returns the name of a person's field as screens show it."""
    try:
        return str(User._meta.get_field(name).verbose_name)  # type: ignore[union-attr]
    except FieldDoesNotExist:
        return name.replace("_", " ")
