"""The one admin site. Everybody who may sign in uses it; what they see is decided by their roles."""

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite


class DashboardSite(UnfoldAdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        """Any active person: a student sees "My learning" only. `is_staff` marks administrators."""
        return bool(request.user.is_active and request.user.is_authenticated)
