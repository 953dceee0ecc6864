"""The one admin site. Everybody who may sign in uses it; what they see is decided by their roles."""

from typing import Any

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils import timezone
from unfold.sites import UnfoldAdminSite

from core.models import User
from core.services.accounts import sign_in
from project.middleware.client_address import network_of
from project.pages.passwords import ChangePasswordForm


class DashboardSite(UnfoldAdminSite):
    index_title = "Overview"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Any active person: a student sees "My learning" only. `is_staff` marks administrators."""
        return bool(request.user.is_active and request.user.is_authenticated)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Note when somebody signs in: only the time, past the history, which Django's own receiver for this
        would fill with a row for each time (switched off in core/apps.py)."""
        response = super().login(request, extra_context)
        # Only a right password is redirected; who was signed in before stays so after a wrong one.
        if request.method == "POST" and response.status_code == 302 and isinstance(request.user, User):
            now = timezone.now()
            User.objects.filter(pk=request.user.pk).update(last_login=now, last_activity_at=now)
            sign_in.note_sign_in(request.user, network_of(request))
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """As Unfold has it, with our form."""
        request.current_app = self.name
        return PasswordChangeView.as_view(
            form_class=ChangePasswordForm,
            success_url=reverse(f"{self.name}:password_change_done"),
            extra_context=self.each_context(request) | (extra_context or {}),
        )(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Nothing before somebody has signed in: screens answer what a `User` may see."""
        return super().get_app_list(request, app_label) if self.has_permission(request) else []

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Without "view on site": nothing of ours has a page outside of this one. Nor Unfold's palette, which
        loads every match and keeps it for five minutes: project/pages/find.py is in its place."""
        left_out = {"view_on_site", "search"}
        return [url for url in super().get_urls() if getattr(url, "name", None) not in left_out]

    def extra_urls(self) -> list[URLPattern | URLResolver]:
        """The screens that show no single model; named, because they need this site to be there first."""
        return [path("", include("project.admin_urls"))]

    def extra_context(self, context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
        """Without the style that Unfold writes into every page, which the policy for browsers forbids: the
        same stands in dashboard/theme.css. A page that fetches itself anew (dashboard/live.js) shows nobody
        the messages that it would draw: they stay for the page that does."""
        unread: dict[str, Any] = {"messages": []} if "X-Live" in request.headers else {}
        return {**context, "colors": None, **unread}
