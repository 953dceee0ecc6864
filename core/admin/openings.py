"""Openings of Thinkific: the list of all, and the tab of a user's page."""

from datetime import timedelta
from functools import partial

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from core.admin.kit import cells
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter, related_filter
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.tabs import Tab
from core.models import ThinkificOpening, User
from core.models.fields.history import done_by

PERIODS = {"1": "The last 24 hours", "7": "The last 7 days", "30": "The last 30 days"}


def _since(days: int, rows: QuerySet) -> QuerySet:
    return rows.filter(opened_at__gte=timezone.now() - timedelta(days=days))


def _way(row: ThinkificOpening) -> str:
    return str(row.short_link) if row.short_link is not None else "From the dashboard"


OPENED = column("Opened", "opened_at", cells.moment, sort=True)
LED_TO = column("Led to", "page", cells.text)
WAY = column("By", _way)
ADDRESS = column("From address", lambda row: row.ip_address or "Unknown")
ACCOUNT = column("As", "email", cells.text)


def openings_of(user: User, viewer: User) -> QuerySet[ThinkificOpening]:
    rows = ThinkificOpening.objects.filter(user=user)
    shown = rows if viewer.sees_everything else rows.none()
    return shown.select_related("short_link__team", "short_link__product").order_by("-id")


OPENINGS_TAB = Tab(
    "openings",
    "Openings of Thinkific",
    openings_of,
    [OPENED, LED_TO, WAY, ACCOUNT, ADDRESS],
    "This person has not opened Thinkific from here.",
    permission="core.view_thinkificopening",
    may_see=lambda user, viewer: viewer.sees_everything,
)


@admin.register(ThinkificOpening)
class ThinkificOpeningAdmin(SitewideAdmin, ExportingAdmin):
    who = column(
        "Person",
        lambda row: cells.link(row.user) if row.user else cells.done_by(row, "user"),
        in_file=lambda row: done_by(row, "user"),
    )
    opened_at_time, led_to, way, account, address = OPENED, LED_TO, WAY, ACCOUNT, ADDRESS
    account_number = column("Thinkific ID", "thinkific_id", cells.thinkific_id)
    whole_page = column("Led to", "page", cells.whole)
    course = column("Product", "product", cells.link)

    list_display = ["opened_at_time", "who", "led_to", "way", "account", "address"]
    list_select_related = ["user", "product", "short_link__team", "short_link__product"]
    list_filter = [
        related_filter(ThinkificOpening, "user", title="person"),
        choice_filter(
            "since",
            {days: (label, partial(_since, int(days))) for days, label in PERIODS.items()},
            title="time",
        ),
    ]
    ordering = ["-id"]
    fields = ["opened_at_time", "who", "account", "account_number", "whole_page", "course", "way", "address"]
    export_columns = (column("Thinkific ID", "thinkific_id"), column("Product", "product"))
    empty_title = "Nobody has opened Thinkific from here"
    empty_text = (
        "Every time that a person is signed in to Thinkific from here is listed: who, when, from where, as "
        "which account, and to which page."
    )

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.select_related("user", "product", "short_link__team", "short_link__product")
