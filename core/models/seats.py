"""Seats: pools of places on one product with their rules, and the teams that they are assigned to."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import BigIntegerField, Case, F, Q, Value, When
from django.db.models.functions import Cast
from django.utils import timezone

from core.folding import searched
from core.models.catalog import Product
from core.models.fields.folded import Folded, FoldedField, FoldedQuerySet
from core.models.fields.history import tracked
from core.models.tags_and_notes import Tag
from core.models.teams import Team

if TYPE_CHECKING:
    from core.models.people import User

NEARLY_FULL = 90  # percent of the places
ALERTS = (75, 90, 100)  # percent of the places at which owners and administrators are told


class SeatQuerySet(FoldedQuerySet["Seat"]):
    def visible_to(self, viewer: "User") -> "SeatQuerySet":
        if viewer.sees_everything:
            return self
        return self.of_teams(viewer.managed_teams())

    def of_teams(self, teams: models.QuerySet[Team]) -> "SeatQuerySet":
        return self.filter(pk__in=SeatAssignment.objects.filter(team__in=teams).values("seat"))

    def over(self) -> "SeatQuerySet":
        """Seats with more used places than they have."""
        return self.filter(unlimited=False, used_count__gt=F("max_seats"))

    def full_or_nearly(self) -> "SeatQuerySet":
        """Active seats with NEARLY_FULL percent or more of their places used, but not more than they have."""
        taken = Cast("max_seats", BigIntegerField()) * NEARLY_FULL / 100
        limited = self.filter(unlimited=False, active=True, max_seats__gt=0)
        return limited.filter(used_count__gte=taken, used_count__lte=F("max_seats"))


class Seat(Folded):
    """A pool of places on a product: how many people, for how long, with which rules. One seat has many
    places."""

    class Expiry(models.TextChoices):
        DAYS = "days", "Days after enrollment"
        DATE = "date", "On a fixed date"
        NEVER = "never", "Never"

    name = models.CharField(max_length=255, help_text="Internal; team users never see it.")
    folded = FoldedField("name", how=searched)
    description = models.TextField(blank=True, help_text="Internal; team users never see it.")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="seats")
    unlimited = models.BooleanField(default=False)
    max_seats = models.PositiveIntegerField(
        null=True, blank=True, help_text="Places. Not needed when unlimited."
    )
    expiry_type = models.CharField(max_length=5, choices=Expiry, default=Expiry.DAYS)
    expiry_days = models.PositiveIntegerField(null=True, blank=True, help_text="0 means no expiry.")
    expiry_date = models.DateField(null=True, blank=True)
    reusable = models.BooleanField(default=False, help_text="An expired enrollment frees its place.")
    extendable = models.BooleanField(default=False, help_text="Team users may change end dates.")
    soft_limit = models.BooleanField(
        default=False,
        db_default=False,
        help_text="People can be enrolled although no place is free, with a warning.",
    )
    active = models.BooleanField(default=True, help_text="An inactive seat takes no new enrollments.")
    tags = models.ManyToManyField(Tag, blank=True, through="core.SeatTag", related_name="seats")
    source_template = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="copies", editable=False
    )
    used_count = models.PositiveIntegerField("used", default=0, editable=False)
    used_counted_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The highest of ALERTS that people were told of, and below which the count has not fallen since.
    alerted_percent = models.PositiveSmallIntegerField(default=0, db_default=0, editable=False)
    # How full the seat is, for sorting: used places per thousand; 0 when unlimited.
    fill = models.GeneratedField(
        expression=Case(
            When(unlimited=True, then=Value(0)),
            When(
                max_seats__gt=0, then=Cast(F("used_count"), models.BigIntegerField()) * 1000 / F("max_seats")
            ),
            When(used_count__gt=0, then=Value(2**31)),
            default=Value(0),
            output_field=models.BigIntegerField(),
        ),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = SeatQuerySet.as_manager()
    history = tracked(excluded_fields=["folded", "used_count", "used_counted_at", "alerted_percent", "fill"])

    class Meta:
        ordering = ["name", "id"]
        indexes = [
            models.Index(fields=["fill", "id"], name="seat_fill"),
            models.Index(fields=["name", "id"], name="seat_name"),
        ]
        permissions = [("assign_seat", "Can assign seats to teams")]
        constraints = [
            models.CheckConstraint(
                condition=Q(unlimited=True) | Q(max_seats__isnull=False),
                name="seat_is_unlimited_or_has_max_seats",
            ),
            models.CheckConstraint(
                condition=Q(expiry_type="never")
                | Q(expiry_type="days", expiry_days__isnull=False)
                | Q(expiry_type="date", expiry_date__isnull=False),
                name="seat_expiry_has_its_days_or_date",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def available(self) -> int | None:
        """Places that are left, by the cached count; None when unlimited."""
        return None if self.unlimited else max(0, (self.max_seats or 0) - self.used_count)

    @property
    def over(self) -> int:
        """How many more places are used than the seat has. Screens warn; nothing corrects it
        automatically."""
        return 0 if self.unlimited else max(0, self.used_count - (self.max_seats or 0))


class SeatTag(models.Model):
    """A tag on a seat, for finding it. Written by core/services/tags.py, which records it."""

    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="+")
    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="+")

    history = tracked()

    class Meta:
        db_table = "core_seat_tags"  # made by an older version for the field `Seat.tags`
        unique_together = [("seat", "tag")]
        verbose_name = "tag of a seat"
        verbose_name_plural = "tags of seats"

    def __str__(self) -> str:
        return f"{self.tag} on {self.seat}"


class SeatAssignment(models.Model):
    """A seat given to a team: shared with other teams as one pool, or a copy of a template."""

    class Mode(models.TextChoices):
        SHARED = "shared"
        TEMPLATE = "template"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="seat_assignments", db_index=False)
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="assignments")
    # The seat's product, repeated so that a constraint can refuse a second seat on it for one team.
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, related_name="seat_assignments", editable=False
    )
    mode = models.CharField(max_length=10, choices=Mode, default=Mode.SHARED)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    history = tracked()

    class Meta:
        ordering = ["team", "id"]
        constraints = [
            models.UniqueConstraint(fields=["team", "product"], name="one_seat_per_team_and_product"),
        ]

    def __str__(self) -> str:
        return f"{self.seat} for {self.team}"
