"""The sidebar: sections with the screens that the viewer may open."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from core.models import User


@dataclass(frozen=True)
class Entry:
    title: str
    icon: str
    page: str  # the name of the address in the admin
    permission: str = ""  # Django's permission; empty: for every viewer of the section
    unless: str = ""  # whoever holds this one has another entry that leads there


OVERVIEW = Entry("Overview", "dashboard", "index")
MY_LEARNING = Entry("My learning", "school", "index")
TEAMS = Entry("Teams", "groups", "core_team_changelist", "core.view_team")
USERS = Entry("Users", "person", "core_user_changelist", "core.view_user")
SEATS = Entry("Seats", "event_seat", "core_seat_changelist", "core.view_seat")
IMPORTS = Entry("Imports", "upload_file", "core_importbatch_changelist", "core.view_importbatch")
HELP = Entry("Help", "help", "help", "core.view_team")
LEARNING = [
    Entry("Enrollments", "assignment_ind", "core_enrollment_changelist", "core.view_enrollment"),
    Entry("Quiz results", "quiz", "core_quizresult_changelist", "core.view_quizresult"),
    Entry("Certificates", "workspace_premium", "core_certificate_changelist", "core.view_certificate"),
    Entry("Tags", "sell", "core_tag_changelist", "core.view_tag"),
]
ADMIN = [
    USERS,
    TEAMS,
    Entry("Organizations", "corporate_fare", "core_organization_changelist", "core.view_organization"),
    Entry("Roles", "shield_person", "core_role_changelist", "core.view_role"),
    Entry("Groups", "diversity_3", "core_thinkificgroup_changelist", "core.view_thinkificgroup"),
    Entry("Products", "menu_book", "core_product_changelist", "core.view_product"),
    SEATS,
    Entry("API", "api", "core_apitoken_changelist", "core.view_apitoken"),
    Entry("Tools", "construction", "tools", "core.run_tools"),
    Entry(
        "API",
        "api",
        "core_webhookendpoint_changelist",
        "core.view_webhookendpoint",
        unless="core.view_apitoken",
    ),
    Entry(
        "Payments",
        "payments",
        "core_stripeevent_changelist",
        "core.view_stripeevent",
        unless="core.view_apitoken",
    ),
    Entry("Settings", "settings", "core_sitesettings_changelist", "core.view_sitesettings"),
]
SYNC = [
    Entry("Runs", "sync", "integrations_syncrun_changelist", "integrations.view_syncrun"),
    Entry("Waiting changes", "outbox", "core_outboxentry_changelist", "core.view_outboxentry"),
    Entry(
        "Conflicts",
        "compare_arrows",
        "integrations_syncconflict_changelist",
        "integrations.view_syncconflict",
    ),
    Entry("Drift", "difference", "integrations_drift_changelist", "integrations.view_drift"),
    Entry(
        "Webhooks received",
        "webhook",
        "integrations_inboundevent_changelist",
        "integrations.view_inboundevent",
    ),
    Entry("Schedules", "schedule", "integrations_syncschedule_changelist", "integrations.view_syncschedule"),
]
EXPORTS = Entry("Exports", "download", "core_exportfile_changelist", "core.view_exportfile")
AUDIT = [
    Entry(
        "Impersonations",
        "switch_account",
        "core_impersonationsession_changelist",
        "core.view_impersonationsession",
    ),
    Entry(
        "Openings of Thinkific",
        "open_in_new",
        "core_thinkificopening_changelist",
        "core.view_thinkificopening",
    ),
    EXPORTS,
    Entry("History", "history", "history", "core.view_history"),
    IMPORTS,
]


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Returns the sidebar of the viewer, in Unfold's format."""
    user = request.user
    if not isinstance(user, User):
        return []
    sections = [
        {"title": title, "separator": bool(title) and number > 0, "items": _shown(entries, user)}
        for number, (title, entries) in enumerate(_sections(user))
    ]
    return [section for section in sections if section["items"]]


def _sections(user: User) -> list[tuple[str, list[Entry]]]:
    if user.sees_everything:
        return [
            ("", [OVERVIEW]),
            ("Admin", ADMIN),
            ("Learning", LEARNING),
            ("Sync", SYNC),
            ("Audit", AUDIT),
            ("Guide", [HELP]),
        ]
    if user.has_perm("core.view_team"):
        return [
            ("", [OVERVIEW, TEAMS, USERS, SEATS]),
            ("Learning", LEARNING),
            ("Files", [IMPORTS, EXPORTS]),
            ("Guide", [HELP]),
        ]
    return [("", [MY_LEARNING])]


def _shown(entries: list[Entry], user: User) -> list[dict[str, Any]]:
    return [
        {"title": entry.title, "icon": entry.icon, "link": address}
        for entry in entries
        if (not entry.permission or user.has_perm(entry.permission)) and (address := _address(entry.page))
        if not (entry.unless and user.has_perm(entry.unless))
    ]


def _address(page: str) -> str:
    """Returns the address of a screen; empty when the screen does not exist."""
    try:
        return reverse(f"admin:{page}")
    except NoReverseMatch:
        return ""
