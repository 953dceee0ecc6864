"""What was sold: whom a refund and the end of a subscription are about."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models.catalog import Product
from core.models.fields.history import kept_name
from core.models.seats import Seat
from core.models.teams import Team


class Sale(models.Model):
    """A checkout session that was paid and carried out, once. It is kept: a refund may come much later."""

    session_id = models.CharField(max_length=255)
    payment = models.CharField(max_length=255, blank=True, default="", help_text="Stripe's payment intent.")
    subscription = models.CharField(max_length=255, blank=True, default="")
    metadata = models.JSONField(default=dict, help_text="As the session had it: what was sold, and rules.")
    buyer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    buyer_name = kept_name()
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    amount = models.BigIntegerField(default=0, help_text="In the currency's smallest unit.")
    refunded = models.BigIntegerField(default=0, help_text="Of the amount, until now.")
    currency = models.CharField(max_length=10, blank=True, default="")
    paid_until = models.DateField(null=True, blank=True, help_text="The last day of access by renewals.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When the subscription ended.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["payment"], name="sale_payment"),
            models.Index(fields=["subscription"], name="sale_subscription"),
        ]
        constraints = [models.UniqueConstraint(fields=["session_id"], name="one_sale_per_session")]

    def __str__(self) -> str:
        return self.session_id


class SalePlaces(models.Model):
    """Places of a sale on one product, and how many of them were taken back."""

    sale = models.ForeignKey(Sale, on_delete=models.CASCADE, related_name="places")
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+", db_index=False)
    seat = models.ForeignKey(Seat, null=True, on_delete=models.SET_NULL, related_name="+")
    sold = models.PositiveIntegerField()
    taken_back = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.sold} of {self.product}"
