"""Signing in by a link in an e-mail: asking for it, and the page that it opens."""

from datetime import timedelta
from typing import Any

import structlog
from django import forms
from django.conf import settings
from django.contrib.auth import login, logout
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.generic import TemplateView

from core.models import SignInLink
from core.models.accounts.sign_in_links import NEXT_LENGTH
from core.services.accounts import sign_in_links
from project.middleware.client_address import network_of
from project.pages.links import LinkPage, OutsidePage
from project.pages.passwords import AskForMail, ResetForm
from project.pages.sign_in import record_sign_in

log = structlog.get_logger(__name__)
BACKEND = "core.services.permissions.RoleBackend"


def safe_page(address: str) -> str:
    """Returns the address of a page of this site; empty when it is too long, or leads to another site."""
    if len(address) > NEXT_LENGTH or "\x00" in address or not address.startswith("/"):
        return ""
    return address if url_has_allowed_host_and_scheme(address, allowed_hosts=None) else ""


class LinkForm(ResetForm):
    next = forms.CharField(required=False, widget=forms.HiddenInput())

    def clean_next(self) -> str:
        return safe_page(self.cleaned_data["next"])


class AskForLink(AskForMail):
    form_class = LinkForm
    template_name = "registration/sign_in_link_form.html"
    wait_template = "registration/sign_in_link_wait.html"
    success_url = reverse_lazy("admin:sign_in_link_sent")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not sign_in_links.are_on():
            raise Http404
        return super().dispatch(request, *args, **kwargs)

    def get_initial(self) -> dict[str, Any]:
        return {"next": safe_page(self.request.GET.get("next", ""))}

    def ask(self, data: dict[str, Any]) -> timedelta | None:
        network = network_of(self.request)
        return sign_in_links.ask_by_address(data["email"], network=network, next_page=data["next"])


class LinkIsSent(OutsidePage, TemplateView):
    template_name = "registration/sign_in_link_sent.html"
    extra_context = {"mails": settings.SIGN_IN_MAILS, "valid_for": sign_in_links.VALID_FOR}


class UseLink(LinkPage):
    """Signs in whoever has the link, in any browser. Another account that is signed in there is signed out,
    which also ends an impersonation."""

    template_name = "registration/sign_in_link.html"
    cookie = "sign_in_link"
    route = "admin:sign_in_link"

    def find(self, uid: str, token: str) -> SignInLink | None:
        return sign_in_links.find(uid, token)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(links_are_on=sign_in_links.are_on(), **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        link = sign_in_links.use(kwargs["uidb64"], self.token())
        if link is None:
            return self.page(about=None)
        if request.user.is_authenticated:
            logout(request)
        login(request, link.user, backend=BACKEND)
        record_sign_in(request, link.user)
        log.info("User %s signed in by a link", link.user_id)
        response = HttpResponseRedirect(safe_page(link.next_page) or resolve_url(settings.LOGIN_REDIRECT_URL))
        response.delete_cookie(self.cookie, path=request.path)
        return response
