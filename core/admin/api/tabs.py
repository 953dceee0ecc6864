"""The tabs under Admin > API: the tokens, the webhooks that are sent, and payments."""

from typing import Any

from django.conf import settings
from django.urls import NoReverseMatch, reverse

from core.models import User

TABS = (
    ("tokens", "API", "core_apitoken_changelist", "core.view_apitoken"),
    ("webhooks", "Webhooks", "core_webhookendpoint_changelist", "core.view_webhookendpoint"),
    ("payments", "Payments", "core_stripeevent_changelist", "core.view_stripeevent"),
)


def context(here: str, viewer: User) -> dict[str, Any]:
    """Returns what `dashboard/api_tabs.html` needs above a list: the tabs that the viewer may open, the base
    address and the documentation."""
    tabs = [
        {"title": title, "url": address, "active": slug == here}
        for slug, title, page, permission in TABS
        if viewer.has_perm(permission) and (address := _address(page))
    ]
    return {
        "api_tabs": tabs if len(tabs) > 1 else [],
        "api_base": f"{settings.SITE_URL}/api/",
        "api_docs": f"{settings.SITE_URL}/api/docs",
    }


def _address(page: str) -> str:
    try:
        return reverse(f"admin:{page}")
    except NoReverseMatch:
        return ""
