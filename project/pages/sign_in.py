"""Signing in: the form, and what django-axes asks of the product about wrong passwords. The rule itself is in
core/services/accounts/sign_in.py."""

import math
from datetime import timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from unfold.forms import AuthenticationForm as UnfoldAuthenticationForm

from core.models import SiteSettings, User
from core.services.accounts import sign_in, sign_in_links
from project.middleware.client_address import network_of


class SignInForm(UnfoldAuthenticationForm):
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "E-mail address and password do not match. Check capital letters in the password. "
        "If you have forgotten it, ask for a new one by mail.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "E-mail address"
        self.fields["username"].widget.attrs["inputmode"] = "email"

    def confirm_login_allowed(self, user: Any) -> None:
        """Allow every active user. Django's form for the admin would require `is_staff`."""
        AuthenticationForm.confirm_login_allowed(self, user)


class Attempts(AxesDatabaseHandler):
    """Stores failed sign-ins as django-axes does, but without the data of the request."""

    def get_failures(self, request: Any, credentials: dict[str, Any] | None = None) -> int:
        """Returns 1 (which is AXES_FAILURE_LIMIT) when sign-in is locked, else 0. Django-axes has one limit
        only; we have one for accounts and one for networks."""
        return int(sign_in.locked_until(account_of(request, credentials), network_of(request)) is not None)

    def user_login_failed(self, sender: Any, credentials: dict, request: Any = None, **kwargs: Any) -> None:
        sent = request.GET, request.POST
        # Django-axes would store both, and people type passwords into the wrong field.
        request.GET = request.POST = QueryDict()
        request.axes_user_agent = request.axes_http_accept = ""
        try:
            super().user_login_failed(sender, credentials, request, **kwargs)
        finally:
            request.GET, request.POST = sent

    def user_logged_in(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        """Does nothing: impersonation sends this signal too. The sign-in page records sign-ins itself."""

    def user_logged_out(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        """Does nothing: the time of signing out is not needed."""


def record_sign_in(request: HttpRequest, user: User) -> None:
    """Store the time of a sign-in, without a history row, and the network that it came from. The sign-in
    lasts as long as the settings say."""
    request.session.set_expiry(timedelta(days=SiteSettings.load().session_days))
    now = timezone.now()
    User.objects.filter(pk=user.pk).update(last_login=now, last_activity_at=now)
    sign_in.note_sign_in(user, network_of(request))


def account_of(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    typed = (credentials or request.POST).get("username")
    return sign_in.account_key(typed or "")


def cool_off(_request: HttpRequest | None) -> timedelta:
    return settings.SIGN_IN_COOL_OFF


def locked_page(
    request: HttpRequest, _response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """Returns the page for a locked sign-in. It is the same whether or not the account exists."""
    account = account_of(request, credentials)
    until = sign_in.locked_until(account, network_of(request))
    return wait_page(
        request,
        "registration/sign_in_locked.html",
        until - timezone.now() if until else timedelta(),
        # An administrator can unlock an account, but not a network.
        ask_for_link=ask_for_link(request),
        account_is_locked=sign_in.locked_until(account, None) is not None,
    )


def ask_for_link(request: HttpRequest) -> str:
    """Returns the address of the page that asks for a link by mail; empty when the settings do not allow
    it."""
    if not sign_in_links.are_on():
        return ""
    wanted = request.GET.get("next", "")
    return reverse("admin:ask_for_sign_in_link", query={"next": wanted} if wanted else None)


def wait_page(request: HttpRequest, template: str, wait: timedelta, **context: Any) -> HttpResponse:
    """Returns a page with status 429; its template gets the time to wait as `minutes`."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    context |= {**admin.site.each_context(request), "minutes": math.ceil(seconds / 60)}
    response = render(request, template, context, status=429)
    response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "no-store"
    return response
