"""The admin site. Everybody who may sign in uses it; roles decide what they see."""

from functools import partial
from typing import Any

from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, reverse
from unfold.sites import UnfoldAdminSite

from core.models import User
from project.pages.opening_button import offered_text
from project.pages.passwords import ChangePasswordForm
from project.pages.sign_in import ask_for_link, record_sign_in


class DashboardSite(UnfoldAdminSite):
    index_title = "Overview"
    enable_nav_sidebar = True

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the user is signed in and active. `is_staff` is not required: students use "My
        learning"."""
        return bool(request.user.is_active and request.user.is_authenticated)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Store the time of a sign-in without a history row. Django's own receiver would write one each time;
        it is disconnected in core/apps.py."""
        context = {"ask_for_link": ask_for_link(request)} | (extra_context or {})
        response = super().login(request, context)
        # Only a right password is redirected. A user who was signed in before stays so after a wrong one.
        if request.method == "POST" and response.status_code == 302 and isinstance(request.user, User):
            record_sign_in(request, request.user)
        return response

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Unfold's view with our form."""
        request.current_app = self.name
        return PasswordChangeView.as_view(
            form_class=ChangePasswordForm,
            success_url=reverse(f"{self.name}:password_change_done"),
            extra_context=self.each_context(request) | (extra_context or {}),
        )(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """Returns an empty list for visitors who are not signed in: our screens need a `User`."""
        return super().get_app_list(request, app_label) if self.has_permission(request) else []

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Without "view on site": nothing of ours has a page outside of this one. Nor Unfold's palette, which
        loads every match and keeps it for five minutes: project/pages/find.py is in its place."""
        left_out = {"view_on_site", "search"}
        return [url for url in super().get_urls() if getattr(url, "name", None) not in left_out]

    def extra_urls(self) -> list[URLPattern | URLResolver]:
        """The screens that are not about one model. Included by name, because they import this site."""
        return [path("", include("project.admin_urls"))]

    def extra_context(self, context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
        """Leave out two things. Unfold's inline style, as the Content-Security-Policy forbids it;
        dashboard/theme.css has the same. And messages when dashboard/live.js fetches the page again: it would
        not show them, so they stay for the next page."""
        unread: dict[str, Any] = {"messages": []} if "X-Live" in request.headers else {}
        return {**context, "colors": None, **unread, "open_in_thinkific": partial(offered_text, request)}
