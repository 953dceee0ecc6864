"""Differences between the dashboard and Thinkific, as reconciliations found them."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.folding import searched
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet
from core.models.fields.history import kept_name


class DriftKind(models.TextChoices):
    USERS = "users", "Users"
    PRODUCTS = "products", "Products"
    CONTENT = "content", "Course content"
    ENROLLMENTS = "enrollments", "Enrollments"
    GROUPS = "groups", "Groups"
    MEMBERS = "members", "Group members"
    QUIZ_RESULTS = "quiz_results", "Quiz results"
    CERTIFICATES = "certificates", "Certificates"


class DriftReport(models.Model):
    """The result of one reconciliation for one kind. The counts are exact; only the first rows are stored."""

    run = models.ForeignKey("SyncRun", on_delete=models.CASCADE, related_name="drift_reports", db_index=False)
    kind = models.CharField(max_length=20, choices=DriftKind)
    compared = models.PositiveIntegerField(default=0)
    in_step = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0, help_text="With a change that was not sent yet.")
    differs = models.PositiveIntegerField(default=0)
    only_here = models.PositiveIntegerField(default=0)
    only_there = models.PositiveIntegerField(default=0)
    note = models.TextField(blank=True, help_text="What could not be compared, and why.")
    compared_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it has not finished.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "kind"], name="one_drift_report_per_run_and_kind")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, run {self.run_id}"

    @property
    def drifted(self) -> int:
        return self.differs + self.only_here + self.only_there


class Drift(Folded):
    """One object that differs between the two sides, and the repair that an administrator chose for it."""

    class Sort(models.TextChoices):
        DIFFERS = "differs", "Differs"
        ONLY_HERE = "only_here", "Only here"
        ONLY_THERE = "only_there", "Only in Thinkific"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        REPAIRING = "repairing", "Being repaired"
        PUSHED = "pushed", "Ours sent"
        TAKEN = "taken", "Theirs taken"
        IN_STEP = "in_step", "In step now"
        REFUSED = "refused", "Not repaired"

    class Choice(models.TextChoices):
        PUSH = "push", "Push ours"
        TAKE = "take", "Take theirs"

    report = models.ForeignKey(DriftReport, on_delete=models.CASCADE, related_name="rows", db_index=False)
    sort = models.CharField(max_length=10, choices=Sort)
    # The object: our row (`object_id`), or Thinkific's if we have none (`thinkific_id`). One is always set.
    key = models.CharField(max_length=300, help_text="Identifies the row in its report.")
    object_id = models.BigIntegerField(null=True, blank=True)
    thinkific_id = models.BigIntegerField(null=True, blank=True)
    pointers = models.JSONField(default=dict, blank=True, help_text="Other ids to find it in Thinkific.")
    label = models.CharField(max_length=600)
    folded = FoldedField("label", how=searched)
    differences = models.JSONField(default=list, blank=True, help_text='[{"field", "ours", "theirs"}]')
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    choice = models.CharField(max_length=4, choices=Choice, blank=True)
    repaired_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    repaired_by_name = kept_name()
    repaired_at = models.DateTimeField(null=True, blank=True)
    outcome = models.TextField(blank=True)

    objects = FoldedQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name = "drifted object"
        constraints = [
            models.UniqueConstraint(fields=["report", "key"], name="one_drift_row_per_object"),
            models.CheckConstraint(
                condition=~Q(sort="only_here", object_id=None), name="drift_only_here_names_our_row"
            ),
            models.CheckConstraint(
                condition=Q(choice="") | Q(choice__in=["push", "take"]), name="drift_choice_is_a_side"
            ),
        ]
        indexes = [
            models.Index(fields=["report", "sort", "id"], name="drift_sort"),
            models.Index(fields=["id"], name="drift_repairing", condition=Q(state="repairing")),
        ]

    def __str__(self) -> str:
        return self.label
