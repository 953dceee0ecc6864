"""The tabs of the screen Settings with their fields. A new setting is one name here (docs/screens.md)."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse


@dataclass(frozen=True)
class SettingsTab:
    slug: str  # in the address: ?tab=people
    title: str
    sections: dict[str, list[str]]  # heading -> fields of SiteSettings
    screen: str = ""  # the name of the address of a screen of its own, in the place of fields

    @property
    def names(self) -> list[str]:
        return [name for names in self.sections.values() for name in names]


TABS = (
    SettingsTab(
        "general",
        "General and localisation",
        {
            "Dates and times": ["time_zone", "date_format", "time_format"],
            "Prices": ["default_currency", "amount_format"],
            "E-mails": ["email_sender"],
        },
    ),
    SettingsTab(
        "people",
        "People and registration",
        {
            "Accounts": ["placeholder_last_name", "welcome_email", "thinkific_welcome_email"],
            "Teams": ["default_team", "default_max_members", "default_team_names"],
            "Registration": ["registration_enabled"],
            "Sign-in": ["sign_in_by_link", "session_days", "password_min_length", "password_mix"],
        },
    ),
    SettingsTab(
        "seats",
        "Seats and enrollments",
        {
            "Enrollments": ["default_expiry_kind", "default_enrollment_days", "default_expiry_date"],
            "Seats": [
                "default_max_seats",
                "default_seat_tags",
                "seat_expiry_winner",
                "bought_enrollments_take_places",
            ],
        },
    ),
    SettingsTab(
        "retention",
        "Deletion and retention",
        {
            "Deletion": ["delete_students", "delete_users", "delete_students_of_users"],
            "Retention": ["retention_days", "export_file_days", "import_file_days"],
        },
    ),
    SettingsTab(
        "thinkific",
        "Thinkific connection and sync",
        {
            "Connection": ["thinkific_subdomain", "thinkific_rate_limit"],
            "Open in Thinkific": ["open_in_thinkific", "sso_link_text"],
            "Sync": ["conflict_winner", "mirror_group_removals", "deletion_guard_percent"],
        },
    ),
    SettingsTab("payments", "Payments", {"Stripe": ["payments_account"]}),
    SettingsTab("emails", "E-mails", {}, screen="admin:core_emailtext_changelist"),
)
SHOWN = tuple(tab for tab in TABS if tab.sections)


def links(here: str) -> list[dict[str, Any]]:
    """Returns the links to the tabs; `here` is the one that is open."""
    page = reverse("admin:core_sitesettings_change", args=[1])
    return [
        {
            "title": tab.title,
            "url": reverse(tab.screen) if tab.screen else f"{page}?tab={tab.slug}",
            "active": tab.slug == here,
        }
        for tab in TABS
        if tab.sections or tab.screen
    ]


def tab_called(slug: str) -> SettingsTab:
    """Returns the tab with this name; the first one for any other name."""
    return next((tab for tab in SHOWN if tab.slug == slug), SHOWN[0])
