"""Results of students: quiz results and certificates."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import F
from django.utils import timezone

from core.models.catalog import Product, Quiz

if TYPE_CHECKING:
    from core.models.people import User


class ResultQuerySet(models.QuerySet):
    """For both models; `product_paths` are the lookups from a row to its products."""

    product_paths: tuple[str, ...] = ("product",)

    def visible_to(self, viewer: "User") -> "ResultQuerySet":
        if viewer.sees_everything:
            return self
        rows = self.model._default_manager.order_by()
        # A union of primary keys, as for enrollments.
        through_a_seat = [
            rows.filter(
                user__memberships__team__in=viewer.managed_teams(),
                user__memberships__team__seat_assignments__product=F(path),
            ).values("pk")
            for path in self.product_paths
        ]
        return self.filter(pk__in=rows.filter(user=viewer).values("pk").union(*through_a_seat))


class QuizResultQuerySet(ResultQuerySet):
    # A quiz that two courses contain belongs to both.
    product_paths = ("quiz__product", "quiz__lessons__chapter__product")

    def with_courses(self) -> "QuizResultQuerySet":
        """Prefetch what `quiz.courses()` reads: a few queries for any number of rows."""
        quizzes = Quiz.objects.with_courses().defer("product__description")
        return self.prefetch_related(models.Prefetch("quiz", quizzes))


class QuizResult(models.Model):
    """A student's result in a quiz as Thinkific reports it; one row counts all attempts."""

    thinkific_id = models.BigIntegerField("Thinkific ID", null=True, blank=True)
    quiz = models.ForeignKey(Quiz, on_delete=models.PROTECT, related_name="results")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="quiz_results")
    attempts = models.PositiveIntegerField(default=0)
    correct_count = models.PositiveIntegerField(default=0)
    incorrect_count = models.PositiveIntegerField(default=0)
    grade = models.PositiveIntegerField(null=True, blank=True, help_text="0 to 100; only webhooks bring it.")
    passed = models.BooleanField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    thinkific_created_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = QuizResultQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["thinkific_id"], name="one_quiz_result_per_thinkific_id")
        ]
        indexes = [models.Index(fields=["completed_at", "id"], name="quiz_result_completed_at")]

    def __str__(self) -> str:
        return f"{self.user}: {self.quiz}"

    @property
    def score(self) -> int | None:
        """Percent of right answers, 0 to 100. Without answers the grade; None without a grade too."""
        answered = self.correct_count + self.incorrect_count
        if not answered:
            return self.grade
        return round(100 * self.correct_count / answered)


class Certificate(models.Model):
    """A certificate that Thinkific issued for a course."""

    thinkific_id = models.BigIntegerField("Thinkific ID", null=True, blank=True)
    credential_id = models.CharField("credential ID", max_length=255)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="certificates")
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, related_name="certificates", verbose_name="course"
    )
    issued_at = models.DateTimeField(null=True, blank=True)
    expiry_date = models.DateTimeField(null=True, blank=True)
    url = models.CharField("URL", max_length=2000, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = ResultQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["credential_id"], name="one_certificate_per_credential_id"),
            models.UniqueConstraint(fields=["thinkific_id"], name="one_certificate_per_thinkific_id"),
        ]
        indexes = [
            models.Index(fields=["issued_at", "id"], name="certificate_issued_at"),
            models.Index(fields=["expiry_date", "id"], name="certificate_expiry_date"),
        ]

    def __str__(self) -> str:
        return self.credential_id
