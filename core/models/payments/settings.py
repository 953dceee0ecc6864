"""The setting about payments."""

from django.conf import settings
from django.db import models

from core.models.opening.settings import OpeningSettings


class PaymentSettings(OpeningSettings):
    """Columns of SiteSettings."""

    payments_account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        verbose_name="payments are carried out by",
        help_text="The administrator in whose name people, teams and seats are made when somebody has paid, "
        "with that account's rights. Empty: payments wait as failed.",
    )

    class Meta:
        abstract = True
