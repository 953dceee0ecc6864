"""Tags and notes that users of the dashboard add to an account."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.folding import bare
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet
from core.models.fields.history import kept_name, tracked
from core.models.people import User
from core.models.teams import Team

TAG_NAME_LENGTH = 100
NOTE_LENGTH = 10_000


class TagQuerySet(FoldedQuerySet["Tag"]):
    def visible_to(self, viewer: User) -> "TagQuerySet":
        """Team managers see only tags of their own people, as the names of other tags may tell about other
        teams."""
        if viewer.sees_everything:
            return self
        return self.filter(pk__in=UserTag.objects.visible_to(viewer).order_by().values("tag"))


class Tag(Folded):
    name = models.CharField(max_length=TAG_NAME_LENGTH)
    folded = FoldedField("name")
    plain = FoldedField("name", how=bare)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TagQuerySet.as_manager()
    history = tracked(excluded_fields=["folded", "plain"])

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


class UserTagQuerySet(models.QuerySet["UserTag"]):
    def visible_to(self, viewer: User) -> "UserTagQuerySet":
        if viewer.sees_everything:
            return self
        return self.filter(user__in=User.objects.own_people_of(viewer).order_by().values("pk"))


class UserTag(models.Model):
    """A tag on a user. Written by core/services/tags.py, which records it; `user.tags.add()` would not."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="+")

    objects = UserTagQuerySet.as_manager()
    history = tracked()

    class Meta:
        db_table = "core_user_tags"  # made by an older version for the field `User.tags`
        unique_together = [("user", "tag")]
        verbose_name = "tag of a user"
        verbose_name_plural = "tags of users"

    def __str__(self) -> str:
        return f"{self.tag} on {self.user}"


class Note(models.Model):
    """A note about a user. Team managers see the notes of their own teams, and those of administrators."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notes")
    # The author's team at the time of writing, whose managers see the note also after the author has left.
    # Empty: an administrator wrote it.
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="written_notes")
    author_name = kept_name()
    text = models.TextField(max_length=NOTE_LENGTH)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    edited_at = models.DateTimeField(null=True, editable=False)

    # Who wrote, changed and deleted notes about whom. Without the text: a deleted note shall be gone.
    history = tracked(excluded_fields=["text", "author_name"])

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.text[:60]
