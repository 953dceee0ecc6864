"""Who acted as whom."""

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.decorators import display

from core.admin.kit import cells
from core.admin.kit.sitewide import SitewideAdmin
from core.models import ImpersonationSession


@admin.register(ImpersonationSession)
class ImpersonationAdmin(SitewideAdmin):
    list_display = ["by", "acted_as", "started", "ended", "how_it_ended", "why"]
    list_select_related = ["impersonator", "impersonated"]
    ordering = ["-id"]
    fields = ["by", "acted_as", "started", "ended", "how_it_ended", "ip_address", "why"]
    empty_title = "Nobody has acted as somebody else"
    empty_text = "Every impersonation is kept here: who, as whom, from when to when, and why."

    @display(description="Administrator")
    def by(self, session: ImpersonationSession) -> SafeString:
        return cells.text(str(session.impersonator))

    @display(description="Acted as")
    def acted_as(self, session: ImpersonationSession) -> SafeString:
        return cells.text(str(session.impersonated))

    @display(description="From")
    def started(self, session: ImpersonationSession) -> SafeString:
        return cells.moment(session.started_at)

    @display(description="To")
    def ended(self, session: ImpersonationSession) -> SafeString:
        return cells.moment(session.ended_at) if session.ended_at else cells.pill("Going on", "warning")

    @display(description="Ended by")
    def how_it_ended(self, session: ImpersonationSession) -> str | SafeString:
        return session.get_ended_by_display() if session.ended_by else cells.NOTHING

    @display(description="Reason")
    def why(self, session: ImpersonationSession) -> SafeString:
        return cells.text(session.reason)
