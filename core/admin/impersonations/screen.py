"""Impersonations: which administrator acted as which user, and what was changed meanwhile. Nobody can change
or delete a row: the database refuses it too."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from core.admin.impersonations.changes import changes_of
from core.admin.kit import cells
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter, related_filter
from core.admin.kit.lists.lists import FEW
from core.admin.kit.sitewide import SitewideAdmin
from core.models import ImpersonationSession, User
from core.models.accounts.impersonations import ImpersonationQuerySet
from core.models.fields.folded import holding
from core.pills import pill
from core.wording import plural

PERIODS = {"1": "The last 24 hours", "7": "The last 7 days", "30": "The last 30 days", "365": "The last year"}


def _duration(session: ImpersonationSession) -> str:
    seconds = ((session.over_since or timezone.now()) - session.started_at).total_seconds()
    return plural(round(seconds / 60), "minute") if seconds >= 60 else "Less than a minute"


def _how(session: ImpersonationSession) -> str:
    return ImpersonationSession.Ended(session.ending).label if session.ending else ""


def _ending(session: ImpersonationSession) -> str | SafeString:
    return _how(session) or pill("Going on")


def _since(days: int, sessions: ImpersonationQuerySet) -> ImpersonationQuerySet:
    return sessions.filter(started_at__gte=timezone.now() - timedelta(days=days))


@admin.register(ImpersonationSession)
class ImpersonationAdmin(SitewideAdmin, ExportingAdmin):
    by = column(
        "Administrator",
        "impersonator",
        cells.link,
        sort="impersonator__name",
        in_file=[
            column("Administrator", "impersonator.get_full_name"),
            column("Administrator's e-mail", "impersonator.email"),
        ],
    )
    acted_as = column(
        "Acted as",
        "impersonated",
        cells.link,
        sort="impersonated__name",
        in_file=[
            column("Acted as", "impersonated.get_full_name"),
            column("Their e-mail", "impersonated.email"),
        ],
    )
    started = column("Began", "started_at", cells.moment, sort=True)
    ended = column("Ended", "over_since", cells.moment, empty="Goes on")
    how_long = column("How long", _duration)
    address = column("From address", lambda session: session.ip_address or "Unknown")
    how_it_ended = column("Ended by", _ending, in_file=_how)
    why = column("Reason", "reason", cells.text, sort=True)
    why_whole = column("Reason", "reason", cells.whole)

    list_display_links = ["started"]  # the others lead to people
    list_display = ["by", "acted_as", "started", "how_long", "how_it_ended", "address", "why"]
    list_select_related = ["impersonator", "impersonated"]
    list_filter = [
        related_filter(ImpersonationSession, "impersonator", title="administrator"),
        related_filter(ImpersonationSession, "impersonated", title="person"),
        choice_filter(
            "state",
            {"on": ("Going on", lambda rows: rows.going_on()), "over": ("Over", lambda rows: rows.over())},
        ),
        choice_filter(
            "since",
            {days: (label, partial(_since, int(days))) for days, label in PERIODS.items()},
            title="time",
        ),
    ]
    ordering = ["-id"]
    few_rows = True
    search_fields = ["impersonator__folded", "impersonated__folded"]
    search_help_text = "Search by the name or e-mail of either person"
    fields = ["by", "acted_as", "started", "ended", "how_long", "how_it_ended", "address", "why_whole"]
    change_form_outer_after_template = "dashboard/impersonation_changes.html"
    export_columns = (ended,)
    empty_title = "Nobody has acted as somebody else"
    empty_text = (
        "Every impersonation is listed here: who acted as whom, when, from where, why, how it ended, and "
        "what was changed meanwhile."
    )

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.select_related("impersonator", "impersonated")

    def search(self, queryset: QuerySet, words: list[str], viewer: User) -> QuerySet:
        """Finds the people first: an OR across tables would read every row."""
        people = User.objects.order_by()
        for word in words:
            people = people.filter(holding("folded", word))
        found = list(people.values_list("pk", flat=True)[:FEW])
        return queryset.filter(Q(impersonator__in=found) | Q(impersonated__in=found))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """The page of one impersonation, with the changes below it."""
        obj = self.get_object(request, object_id)
        found = changes_of(obj) if obj is not None and self.has_view_permission(request, obj) else {}
        return super().change_view(request, object_id, form_url, {**found, **(extra_context or {})})
