"""Settings: one row, changed by administrators."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core.admin.kit.history import HistoryAdmin
from core.admin.kit.sitewide import SitewideAdmin
from core.models import SiteSettings


@admin.register(SiteSettings)
class SiteSettingsAdmin(SitewideAdmin, HistoryAdmin):
    list_display = ["__str__"]
    formfield_overrides = {models.URLField: {"assume_scheme": "https"}}
    autocomplete_fields = ["default_team"]
    fieldsets = [
        (
            "People",
            {
                "fields": [
                    "default_team",
                    "placeholder_last_name",
                    "thinkific_welcome_email",
                    "default_max_members",
                ]
            },
        ),
        ("Enrollments", {"fields": ["default_enrollment_days"]}),
        (
            "Sync",
            {
                "fields": [
                    "conflict_winner",
                    "mirror_group_removals",
                    "deletion_guard_percent",
                    "retention_days",
                ]
            },
        ),
        ("Deleting", {"fields": ["delete_students", "delete_users"]}),
    ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.sees(request, "change")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the page of the only row."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:core_sitesettings_change", args=[SiteSettings.load().pk]))

    def page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().page_context(request), "show_save_and_continue": False}

    def response_change(self, request: HttpRequest, obj: SiteSettings) -> HttpResponse:
        self.message_user(request, "Settings saved.")
        return HttpResponseRedirect(request.path)
