"""E-mails: the subject and text of each e-mail that the product sends. It is a tab of the settings."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.admin.emails.dialogs import EMAIL_DIALOGS
from core.admin.kit import cells
from core.admin.kit.history import HistoryAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.settings.tabs import links
from core.email_kinds import KINDS
from core.models import EmailText
from core.pills import pill
from core.services.site import email_texts

SHOWN = '<div class="email-text"><p class="email-subject">{}</p><pre>{}</pre></div>'


def _now(row: EmailText) -> SafeString:
    return format_html(SHOWN, *email_texts.present(row))


def _preview(row: EmailText) -> SafeString:
    return format_html(SHOWN, *email_texts.example(row.name, *email_texts.present(row)))


def _shipped(row: EmailText) -> SafeString | str:
    return format_html(SHOWN, *KINDS[row.name].shipped) if row.is_changed else "As above."


def _placeholders(row: EmailText) -> SafeString:
    lines = (
        (f"{{{name}}}", one.meaning, " Required in the text." if one.required else "")
        for name, one in KINDS[row.name].placeholders.items()
    )
    return format_html_join("", '<span class="cell-line"><code>{}</code> {}{}</span>', lines)


@admin.register(EmailText)
class EmailTextAdmin(SitewideAdmin, HistoryAdmin):
    title = column("E-mail", str)
    when = column("Sent", lambda row: cells.sentence(KINDS[row.name].when))
    subject_now = column("Subject", lambda row: cells.text(email_texts.present(row)[0]))
    state = column("State", lambda row: pill("Changed") if row.is_changed else "Shipped")
    changed = column("Changed At", "changed_at", cells.moment)
    sent_when = column("Sent", lambda row: KINDS[row.name].when)
    text_now = column("Text", _now)
    preview = column("Preview with example values", _preview)
    shipped = column("Shipped text", _shipped)
    placeholders = column("Placeholders", _placeholders)

    list_display = ["title", "when", "subject_now", "state", "changed"]
    list_top_template = "dashboard/settings_tabs.html"
    fields = ["sent_when", "state", "text_now", "preview", "placeholders", "shipped"]
    ordering = ["id"]
    dialogs = EMAIL_DIALOGS
    first_tab_title = "E-mail"

    class Media:
        js = ("dashboard/email_preview.js",)

    def list_title(self, request: HttpRequest) -> str:
        return "E-mails"

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).filter(name__in=KINDS)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        if self.has_view_permission(request):
            email_texts.complete()
        context = {"settings_tabs": links("emails"), **(extra_context or {})}
        return super().changelist_view(request, context)
