"""Short links: addresses that people are given. They lead to a team's or a product's courses in Thinkific."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.models.catalog import Product
from core.models.fields.history import kept_name, tracked
from core.models.teams import Team

if TYPE_CHECKING:
    from core.models.people import User

CODE_LENGTH = 12
NOTE_LENGTH = 100


class ShortLinkQuerySet(models.QuerySet["ShortLink"]):
    def visible_to(self, viewer: "User") -> "ShortLinkQuerySet":
        """Administrators see all links, team managers those of their teams and of the products that these
        have seats on."""
        if viewer.sees_everything:
            return self
        teams = viewer.managed_teams()
        own = Q(team__in=teams) | Q(product__seat_assignments__team__in=teams)
        return self.filter(pk__in=ShortLink.objects.order_by().filter(own).values("pk"))

    def working(self) -> "ShortLinkQuerySet":
        return self.filter(revoked_at__isnull=True)


class ShortLink(models.Model):
    """A link of one team or of one product. It gives no right: whoever opens it signs in, and needs the right
    to what it leads to."""

    code = models.CharField(max_length=CODE_LENGTH, unique=True, editable=False)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.CASCADE, related_name="short_links"
    )
    product = models.ForeignKey(
        Product, null=True, blank=True, on_delete=models.CASCADE, related_name="short_links"
    )
    label = models.CharField("note", max_length=NOTE_LENGTH, blank=True, help_text="Where the link is used.")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    made_by_name = kept_name()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    revoked_at = models.DateTimeField("revoked", null=True, blank=True, editable=False)

    objects = ShortLinkQuerySet.as_manager()
    history = tracked(excluded_fields=["made_by_name"])

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(team__isnull=False, product__isnull=True)
                | Q(team__isnull=True, product__isnull=False),
                name="short_link_of_a_team_or_a_product",
            )
        ]

    def __str__(self) -> str:
        return self.label or f"Short link of {self.team or self.product}"
