"""Unfold: title, sidebar, colours, the first page."""

from typing import Any

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "B2B Dashboard",
    "SITE_HEADER": "B2B Dashboard",
    "SITE_SUBHEADER": "for Thinkific",
    "SITE_SYMBOL": "hub",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
}
