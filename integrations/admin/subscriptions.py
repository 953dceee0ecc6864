"""Webhook subscriptions: what Thinkific tells us of, when it last did, and the buttons that change it.

The page itself asks Thinkific nothing; Register, Remove and Look do, because somebody pressed them.
"""

from contextlib import AbstractContextManager

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from core.admin.kit.dialogs.shown_values import ShownValues
from core.admin.kit.sitewide import sees_site
from core.errors import Refusal
from integrations.models import WebhookSubscription
from integrations.thinkific.budget.web_requests import turn
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.webhooks import subscriptions
from integrations.thinkific.webhooks.latest import last_received
from integrations.thinkific.webhooks.subscriptions import Found
from integrations.thinkific.webhooks.topics import SUBSCRIBED

VIEW, CHANGE = "integrations.view_inboundevent", "integrations.change_inboundevent"
PAGE = "admin:integrations_webhooksubscription_page"


class AddressForm(ShownValues, forms.Form):
    address = forms.CharField(
        label="Address of this dashboard's webhooks",
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url"}),
        error_messages={"required": "Write the public address that ends in /webhooks/thinkific/."},
    )


def urls() -> list[URLPattern]:
    """Below the events' own addresses."""
    guard = admin.site.admin_view
    name = "integrations_webhooksubscription_{}".format
    return [
        path("subscriptions/", guard(page), name=name("page")),
        path("subscriptions/register/", guard(register), name=name("register")),
        path("subscriptions/remove/", guard(remove), name=name("remove")),
        path("subscriptions/look/", guard(look), name=name("look")),
    ]


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    if not sees_site(request, VIEW):
        raise PermissionDenied
    return _render(request)


@require_POST
def register(request: HttpRequest) -> HttpResponse:
    _check_may_change(request)
    form = AddressForm(request.POST, initial=_registered_or(request))
    if not form.is_valid():
        return _render(request, form=form)
    try:
        with _turn():
            done = subscriptions.register(form.cleaned_data["address"])
    except Refusal as refusal:
        form.add_error("address", str(refusal))
        return _render(request, form=form)
    text = (
        f"{len(done.created)} subscriptions made, {len(done.kept)} were there, {len(done.removed)} removed."
    )
    messages.success(request, text)
    for topic, words in done.rejected.items():
        messages.warning(request, f"Thinkific did not accept {topic}: {words}. Pulls bring what it is about.")
    return HttpResponseRedirect(reverse(PAGE))


@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    _check_may_change(request)
    try:
        with _turn():
            removed = subscriptions.remove()
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, f"{len(removed)} subscriptions removed. Changes now arrive by the schedules."
        )
    return HttpResponseRedirect(reverse(PAGE))


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """What Thinkific has, subscriptions of others included."""
    _check_may_change(request)
    try:
        with _turn():
            found = subscriptions.listed()
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse(PAGE))
    return _render(request, found=found)


def _registered_or(request: HttpRequest) -> dict[str, str]:
    """The address that is registered, or else the one of this dashboard."""
    registered = WebhookSubscription.objects.values_list("target_url", flat=True).first()
    return {"address": registered or request.build_absolute_uri(reverse("thinkific_webhook"))}


def _turn() -> AbstractContextManager[None]:
    return turn(seconds=subscriptions.ALL_WITHIN, what="Another question to Thinkific is")


def _check_may_change(request: HttpRequest) -> None:
    if not sees_site(request, CHANGE):
        raise PermissionDenied


def _render(
    request: HttpRequest, *, found: list[Found] | None = None, form: AddressForm | None = None
) -> HttpResponse:
    last, ours = last_received(), {one.topic: one for one in WebhookSubscription.objects.all()}
    registered = next((one.target_url for one in ours.values()), "")
    context = {
        **admin.site.each_context(request),
        "title": "Webhook subscriptions",
        "topics": [
            {"name": topic, "subscription": ours.get(topic), "last": last.get(topic)} for topic in SUBSCRIBED
        ],
        "count": len(ours),
        "registered": registered,
        "form": form or AddressForm(initial=_registered_or(request)),
        "found": found,
        "connected": Credentials.from_settings().complete,
        "may_change": sees_site(request, CHANGE),
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "dashboard/subscriptions.html", context)
