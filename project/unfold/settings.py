"""Settings of Unfold: title, colours, and the functions that fill the sidebar and the first page."""

from typing import Any

from django.templatetags.static import static


def _static(path: str) -> Any:
    # Called at each request: while settings load, the manifest of hashed file names cannot be read.
    return lambda request: static(path)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "B2B Dashboard",
    "SITE_HEADER": "B2B Dashboard",
    "SITE_SUBHEADER": "for Thinkific",
    "SITE_SYMBOL": "hub",
    "SITE_URL": None,  # there is no other site to go back to
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static("dashboard/icon.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "project.overview.screen.first_page",
    "SIDEBAR": {"navigation": "project.unfold.sidebar.navigation"},
    "LOGIN": {"form": "project.pages.sign_in.SignInForm"},
    "STYLES": [_static(f"dashboard/{name}.css") for name in ("theme", "dashboard", "modal")],
    "SCRIPTS": [
        _static("dashboard/htmx-config.js"),
        _static("dashboard/notices.js"),
        _static("dashboard/live.js"),
        _static("dashboard/dialogs.js"),
        _static("dashboard/find.js"),
        _static("dashboard/access.js"),
    ],
    # After a change here: python -m project.unfold.theme
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "oklch(96.2% .018 272.314)",
            "100": "oklch(93% .034 272.788)",
            "200": "oklch(87% .065 274.039)",
            "300": "oklch(78.5% .115 274.713)",
            "400": "oklch(67.3% .182 276.935)",
            "500": "oklch(58.5% .233 277.117)",
            "600": "oklch(51.1% .262 276.966)",
            "700": "oklch(45.7% .24 277.023)",
            "800": "oklch(39.8% .195 277.366)",
            "900": "oklch(35.9% .144 278.697)",
            "950": "oklch(25.7% .09 281.288)",
        },
    },
}
