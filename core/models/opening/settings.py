"""The settings about opening Thinkific from here."""

from django.db import models

LINK_TEXT = "Open in Thinkific"


class OpeningSettings(models.Model):
    """Columns of SiteSettings."""

    open_in_thinkific = models.BooleanField(
        "open in Thinkific",
        default=False,
        db_default=False,
        help_text="People for whom single sign-on (SSO) is switched on, on their page, open Thinkific from "
        "here and are signed in there. Thinkific's plan must include sign-in by JWT.",
    )
    sso_link_text = models.CharField(
        "SSO link text",
        max_length=100,
        blank=True,
        default=LINK_TEXT,
        help_text=f"What the link in a person's menu and above their courses says. Empty: {LINK_TEXT}.",
    )

    class Meta:
        abstract = True
