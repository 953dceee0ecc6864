"""The one admin site. Everybody who may sign in uses it; what they see is decided by their roles."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, include, path
from unfold.sites import UnfoldAdminSite


class DashboardSite(UnfoldAdminSite):
    index_title = "Overview"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Any active person: a student sees "My learning" only. `is_staff` marks administrators."""
        return bool(request.user.is_active and request.user.is_authenticated)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Nothing before somebody has signed in: screens answer what a `User` may see."""
        return super().get_app_list(request, app_label) if self.has_permission(request) else []

    def extra_urls(self) -> list[URLPattern | URLResolver]:
        """The screens that show no single model; named, because they need this site to be there first."""
        return [path("", include("project.admin_urls"))]
