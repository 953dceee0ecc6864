"""Settings: one row, changed by administrators, a tab at a time."""

from typing import Any

from django.conf import settings as django_settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core.admin.kit.history import HistoryAdmin
from core.admin.kit.sitewide import SitewideAdmin, sees_site
from core.admin.kit.tabs import AnyTab
from core.admin.kit.viewer import viewer_of
from core.admin.settings.defaults import RESET_DIALOGS, by_environment, environment_note, help_of, linked_note
from core.admin.settings.fields import FORM_FIELDS, payments_account
from core.admin.settings.form import SettingsForm
from core.admin.settings.keys import KEY_DIALOGS, rows
from core.admin.settings.tabs import SettingsTab, links, tab_called
from core.models import SiteSettings
from core.services.payments.inbox import TOPICS

TAKE_PLACES = "bought_enrollments_take_places"


@admin.register(SiteSettings)
class SiteSettingsAdmin(SitewideAdmin, HistoryAdmin):
    list_display = ["__str__"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    autocomplete_fields = ["default_team"]
    form = SettingsForm
    warn_unsaved_form = True  # the other tabs are links, which would lose what was typed
    dialogs = (*RESET_DIALOGS, *KEY_DIALOGS)
    change_form_outer_after_template = "admin/dashboard/settings_keys.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.sees(request, "change")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the page of the only row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:core_sitesettings_change", args=[SiteSettings.load().pk]))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Returns the fields of the tab of the address. Only these are shown, read and saved."""
        tab = _tab_of(request)
        return [
            (
                heading,
                {
                    "fields": [name for name in names if not by_environment(name)],
                    "description": environment_note(names) or linked_note(heading),
                },
            )
            for heading, names in tab.sections.items()
        ]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "payments_account":
            return payments_account(viewer_of(request))
        make = FORM_FIELDS.get(db_field.name)
        return make() if make else super().formfield_for_dbfield(db_field, request, **kwargs)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        for name, field in form.base_fields.items():
            field.help_text = help_of(name, obj)
        return form

    def shown_tab(self, request: HttpRequest, chosen: AnyTab | None) -> str:
        return _tab_of(request).slug

    def tab_links(
        self, request: HttpRequest, tabs: list[AnyTab], chosen: AnyTab | None
    ) -> list[dict[str, Any]]:
        return links(_tab_of(request).slug)

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        context = {**super().page_context(request), "show_save_and_continue": False}
        slug = _tab_of(request).slug
        if self.has_view_permission(request):
            context["keys"] = rows(SiteSettings.load(), viewer_of(request), slug)
        if slug == "payments":
            context["webhook_address"] = f"{django_settings.SITE_URL}/webhooks/stripe"
            context["webhook_events"] = TOPICS
        if slug == "thinkific" and self.has_view_permission(request):
            viewer = viewer_of(request)
            schedules = reverse("admin:integrations_syncschedule_changelist")
            context["schedules_url"] = schedules if viewer.sees_everything else ""
            context["has_connection"] = True
            context["may_run"] = sees_site(request, "core.run_tools")
        return context

    def change_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if self.has_view_permission(request):
            SiteSettings.load()  # the links to the tabs lead to the row, which may not be there yet
        return super().change_view(request, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        request.settings_changed = form.changed_data  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def response_change(self, request: HttpRequest, obj: SiteSettings) -> HttpResponse:
        tab = _tab_of(request)
        said = f"{tab.title}: settings saved."
        if TAKE_PLACES in request.settings_changed:  # type: ignore[attr-defined]
            said += " The used places of all seats are being counted again; seats show it within minutes."
        self.message_user(request, said)
        return HttpResponseRedirect(f"{request.path}?tab={tab.slug}")


def _tab_of(request: HttpRequest) -> SettingsTab:
    return tab_called(request.GET.get("tab", ""))
