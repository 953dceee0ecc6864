"""The one admin site. Everybody who may sign in uses it; what they see is decided by their roles."""

from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, include, path
from unfold.sites import UnfoldAdminSite


class DashboardSite(UnfoldAdminSite):
    index_title = "Overview"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Any active person: a student sees "My learning" only. `is_staff` marks administrators."""
        return bool(request.user.is_active and request.user.is_authenticated)

    def extra_urls(self) -> list[URLPattern | URLResolver]:
        """The screens that show no single model; named, because they need this site to be there first."""
        return [path("", include("project.admin_urls"))]
