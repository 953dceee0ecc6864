"""Impersonations: which administrator acted as which user."""

from django.contrib import admin
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.lists.columns import column
from core.admin.kit.sitewide import SitewideAdmin
from core.models import ImpersonationSession
from core.pills import pill


def _end(session: ImpersonationSession) -> SafeString:
    return cells.moment(session.ended_at) if session.ended_at else pill("Going on")


@admin.register(ImpersonationSession)
class ImpersonationAdmin(SitewideAdmin):
    by = column("Administrator", "impersonator", cells.text)
    acted_as = column("Acted as", "impersonated", cells.text)
    started = column("From", "started_at", cells.moment)
    ended = column("To", _end)
    how_it_ended = column("Ended by", "get_ended_by_display", cells.whole)
    why = column("Reason", "reason", cells.text)

    list_display = ["by", "acted_as", "started", "ended", "how_it_ended", "why"]
    list_select_related = ["impersonator", "impersonated"]
    ordering = ["-id"]
    fields = ["by", "acted_as", "started", "ended", "how_it_ended", "ip_address", "why"]
    empty_title = "Nobody has acted as somebody else"
    empty_text = "Every impersonation is listed here: who acted as whom, from when to when, and why."
