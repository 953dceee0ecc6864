"""Tags and notes that users of the dashboard add to an account."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet
from core.models.fields.history import kept_name
from core.models.people import User


class Tag(Folded):
    name = models.CharField(max_length=100)
    folded = FoldedField("name")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = FoldedQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        permissions = [("assign_tag", "Can tag people")]
        constraints = [
            models.UniqueConstraint(
                fields=["folded"], condition=Q(folded__isnull=False), name="one_tag_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Note(models.Model):
    """A note about a user. Whoever may see the user may see the note."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notes")
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="written_notes")
    author_name = kept_name()
    text = models.TextField(max_length=10_000)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.text[:60]
