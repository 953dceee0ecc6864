"""Enrollments: access of one student to one course or bundle."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.utils import timezone

from core.models.catalog import Product
from core.models.fields.history import tracked
from core.models.fields.push_state import PushState
from core.models.seats import Seat
from core.models.teams import Team

if TYPE_CHECKING:
    from core.models.people import User


class Status(models.TextChoices):
    PENDING = "pending"
    ACTIVE = "active"
    COMPLETED = "completed"
    EXPIRED = "expired"
    FAILED = "failed"
    REMOVED = "removed"


# Also when access has ended since: who has completed a course keeps that.
COMPLETED = Q(completed_at__isnull=False) | Q(percentage_completed__gte=1)


def _conditions(now: datetime) -> list[tuple[Status, Q]]:
    """Returns the rules of an enrollment's status; the first one that matches wins. `Enrollment.status`
    repeats them in Python.

    Failed and pending are for enrollments that Thinkific does not have. One that Thinkific has, and whose new
    dates could not be sent, still gives access (and still takes a place of its seat).
    """
    return [
        (Status.REMOVED, Q(removed_at__isnull=False)),
        (Status.FAILED, Q(push_state="failed", thinkific_id__isnull=True)),
        (Status.PENDING, Q(push_state="pending", thinkific_id__isnull=True)),
        (Status.EXPIRED, Q(expiry_date__lte=now)),
        (Status.COMPLETED, COMPLETED),
    ]


def _keys(queryset: models.QuerySet) -> models.QuerySet:
    return queryset.order_by().values("pk")


class EnrollmentQuerySet(models.QuerySet["Enrollment"]):
    def visible_to(self, viewer: "User") -> "EnrollmentQuerySet":
        """Team managers see the enrollments of their teams' members in products that the team has a seat on;
        everybody sees their own."""
        if viewer.sees_everything:
            return self
        # A union of primary keys lets the database begin with a few teams. It would check an OR with EXISTS
        # for each row: seconds for a million enrollments.
        through_a_seat = Enrollment.objects.filter(
            user__memberships__team__in=viewer.managed_teams(),
            user__memberships__team__seat_assignments__product=F("product"),
        )
        own = Enrollment.objects.filter(user=viewer)
        return self.filter(pk__in=_keys(own).union(_keys(through_a_seat)))

    def of_teams(self, teams: models.QuerySet[Team]) -> "EnrollmentQuerySet":
        """The enrollments of the teams' members in the products that the member's team has a seat on: what
        figures about teams count. Without those that Thinkific no longer has."""
        held = Enrollment.objects.filter(
            # Both conditions are about the same membership.
            user__memberships__team__in=teams,
            user__memberships__team__seat_assignments__product=F("product"),
        )
        return self.filter(pk__in=_keys(held), removed_at__isnull=True)

    def with_status(self, now: datetime | None = None) -> "EnrollmentQuerySet":
        """Annotate `status_now`, for filters and groups in SQL."""
        whens = [
            When(condition, then=Value(status)) for status, condition in _conditions(now or timezone.now())
        ]
        return self.annotate(
            status_now=Case(*whens, default=Value(Status.ACTIVE), output_field=models.CharField())
        )

    def in_status(self, status: str, now: datetime | None = None) -> "EnrollmentQuerySet":
        """Enrollments in one status. Uses plain conditions, so that the database can use the dates'
        indexes."""
        queryset = self
        for other, condition in _conditions(now or timezone.now()):
            if other == status:
                return queryset.filter(condition)
            queryset = queryset.exclude(condition)
        return queryset

    def ending_within(self, days: int) -> "EnrollmentQuerySet":
        """Enrollments whose access ends within so many days, including courses that came with a bundle."""
        now = timezone.now()
        soon = now + timedelta(days=days)
        return self.filter(expiry_date__gt=now, expiry_date__lte=soon, removed_at__isnull=True)

    def giving_access(self, now: datetime | None = None) -> "EnrollmentQuerySet":
        """Enrollments that give access now, or will as soon as they are sent to Thinkific."""
        return self.filter(removed_at__isnull=True).exclude(
            Q(expiry_date__lte=now or timezone.now()) | Q(push_state="failed", thinkific_id__isnull=True)
        )


class Enrollment(models.Model):
    """A student's access to a product; one row for both. Thinkific is the system of record. An enrollment
    ends by its expiry date and is never deleted."""

    class Origin(models.TextChoices):
        THINKIFIC = "thinkific", "Thinkific"
        DASHBOARD = "dashboard"
        API = "api", "API"
        IMPORT = "import"

    PushState = PushState

    Status = Status

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="enrollments", db_index=False
    )
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="enrollments")
    thinkific_id = models.BigIntegerField("Thinkific ID", null=True, blank=True, editable=False)
    percentage_completed = models.DecimalField(
        "progress", max_digits=7, decimal_places=4, default=Decimal(0), editable=False, help_text="0 to 1."
    )
    is_free_trial = models.BooleanField(default=False, editable=False)
    activated_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    completed_at = models.DateTimeField(null=True, blank=True, editable=False)
    expiry_date = models.DateTimeField(null=True, blank=True, help_text="Empty: access does not end.")
    remote_updated_at = models.DateTimeField(null=True, blank=True, editable=False)
    thinkific_created_at = models.DateTimeField(null=True, blank=True, editable=False)

    origin = models.CharField(max_length=10, choices=Origin, default=Origin.DASHBOARD, editable=False)
    via_bundle = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="course_enrollments",
        editable=False,
        db_index=False,
        help_text="The bundle enrollment that this course enrollment came through.",
    )
    # Whether, and until when, we gave this product itself, not through a bundle. Ending a bundle must not end
    # access to a course that was also given by itself.
    granted = models.BooleanField(default=False, editable=False)
    granted_until = models.DateTimeField(null=True, blank=True, editable=False)
    last_seat = models.ForeignKey(
        Seat,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
        db_index=False,
    )
    # See User.remote_digest.
    remote_digest = models.BigIntegerField(null=True, blank=True, editable=False)
    push_state = models.CharField(max_length=10, choices=PushState, default=PushState.CLEAN, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = EnrollmentQuerySet.as_manager()
    # People change dates. Progress comes from Thinkific every few minutes and would flood the history.
    history = tracked(
        excluded_fields=[
            "percentage_completed",
            "is_free_trial",
            "started_at",
            "completed_at",
            "remote_updated_at",
            "remote_digest",
            "thinkific_created_at",
            "push_state",
        ]
    )

    class Meta:
        ordering = ["-id"]
        permissions = [("export_reports", "Can export reports")]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "product"], name="one_enrollment_per_student_and_product"
            ),
            models.UniqueConstraint(fields=["thinkific_id"], name="one_enrollment_per_thinkific_id"),
        ]
        indexes = [
            # With `id`: lists are sorted by these columns, and many rows share a value (no end, no progress).
            models.Index(fields=["expiry_date", "id"], name="enrollment_expiry_date"),
            models.Index(fields=["percentage_completed", "id"], name="enrollment_progress"),
            models.Index(fields=["activated_at", "id"], name="enrollment_activated_at"),
            models.Index(fields=["push_state"], name="enrollment_unpushed", condition=~Q(push_state="clean")),
            models.Index(
                fields=["removed_at"], name="enrollment_removed", condition=Q(removed_at__isnull=False)
            ),
            models.Index(
                fields=["via_bundle"], name="enrollment_via_bundle", condition=Q(via_bundle__isnull=False)
            ),
            models.Index(
                fields=["last_seat"], name="enrollment_last_seat", condition=Q(last_seat__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.product}"

    @property
    def status(self) -> str:
        """The status now, by the same rules as `_conditions`."""
        if self.removed_at is not None:
            return Status.REMOVED
        if self.push_state == self.PushState.FAILED and self.thinkific_id is None:
            return Status.FAILED
        if self.push_state == self.PushState.PENDING and self.thinkific_id is None:
            return Status.PENDING
        if self.expiry_date is not None and self.expiry_date <= timezone.now():
            return Status.EXPIRED
        if self.completed_at is not None or self.percentage_completed >= 1:
            return Status.COMPLETED
        return Status.ACTIVE
