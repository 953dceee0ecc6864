"""Who opened Thinkific from here, and when."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from core.models.catalog import Product
from core.models.fields.history import kept_name
from core.models.opening.short_links import ShortLink
from core.models.people import EMAIL_LENGTH


class ThinkificOpening(models.Model):
    """One time that a person was signed in to Thinkific from here: when, from which address, as which account
    there, and to which page. The token itself is not stored."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="thinkific_openings"
    )
    user_name = kept_name()
    opened_at = models.DateTimeField(default=timezone.now)
    ip_address = models.GenericIPAddressField("address", null=True, blank=True)
    email = models.CharField(max_length=EMAIL_LENGTH, help_text="The address in the token.")
    thinkific_id = models.BigIntegerField("Thinkific ID")
    page = models.CharField(max_length=2000, help_text="Where Thinkific was asked to lead to.")
    product = models.ForeignKey(
        Product, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    short_link = models.ForeignKey(
        ShortLink, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["-id"]
        verbose_name = "opening of Thinkific"
        verbose_name_plural = "openings of Thinkific"
        indexes = [models.Index(fields=["opened_at"], name="thinkific_opening_opened_at")]

    def __str__(self) -> str:
        return f"{self.user or self.user_name}: {self.page}"
