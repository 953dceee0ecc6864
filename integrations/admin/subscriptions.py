"""The page Webhook subscriptions: the topics, their last events, and buttons to register and remove them.

Showing the page sends no request to Thinkific. Only the buttons Register, Remove and Look do.
"""

from contextlib import AbstractContextManager
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET, require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from core import moments
from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.dialogs.in_page import PageDialog, answer_in_page, offered
from core.admin.kit.sitewide import sees_site
from core.errors import Refusal
from core.pills import pill
from core.wording import plural
from integrations.models import WebhookSubscription
from integrations.thinkific.budget.web_requests import turn
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.webhooks import subscriptions
from integrations.thinkific.webhooks.latest import last_received
from integrations.thinkific.webhooks.subscriptions import Found
from integrations.thinkific.webhooks.topics import SUBSCRIBED

VIEW, CHANGE = "integrations.view_inboundevent", "integrations.change_inboundevent"
PAGE = "admin:integrations_webhooksubscription_page"


class SubscriptionsDialog(PageDialog):
    """Changes the subscriptions of this dashboard. `obj` is the URL of its webhook endpoint."""

    in_transaction = False

    permission = CHANGE

    def post_url(self) -> str:
        return reverse(f"admin:integrations_webhooksubscription_{self.slug}")


class Register(SubscriptionsDialog):
    slug, label = "register", "Register"
    question = (
        "Thinkific then sends each change to this address within seconds. The address must be public and use "
        "https. Existing subscriptions stay. Subscriptions of this dashboard with another address are "
        "removed; those of other applications are not changed."
    )
    is_unchanged = False  # it always runs, to create subscriptions that are missing in Thinkific
    address = forms.CharField(
        label="Address of this dashboard's webhooks",
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url"}),
        error_messages={"required": "Write the public address that ends in /webhooks/thinkific/."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        registered = WebhookSubscription.objects.values_list("target_url", flat=True).first()
        self.fields["address"].initial = registered or self.obj

    def heading(self) -> str:
        return f"Subscribe to {len(SUBSCRIBED)} topics?"

    def carry_out(self) -> Done:
        with _turn():
            done = subscriptions.register(self.cleaned_data["address"])
        said = f"{plural(len(done.created), 'subscription')} created, {len(done.kept)} existed already, "
        return Done(
            f"{said}{len(done.removed)} removed.",
            warnings=[
                f"Thinkific did not accept {topic}: {words}. Syncs bring these changes."
                for topic, words in done.rejected.items()
            ],
        )

    def refuse(self, refusal: Refusal) -> None:
        self.add_error("address", str(refusal))


class Remove(SubscriptionsDialog):
    slug, label, keep, danger = "remove", "Remove", "Keep them", True
    question = (
        "Thinkific stops sending changes to this dashboard. They then arrive with the scheduled syncs, "
        "minutes later. Subscriptions of other applications are not changed. You can register again at any "
        "time."
    )

    def heading(self) -> str:
        return f"Remove {plural(WebhookSubscription.objects.count(), 'subscription')}?"

    def carry_out(self) -> Done:
        with _turn():
            removed = subscriptions.remove()
        return Done(
            f"{plural(len(removed), 'subscription')} removed. Changes now arrive with scheduled syncs."
        )


def urls() -> list[URLPattern]:
    """Returns the addresses below that of the list of events."""
    guard = admin.site.admin_view
    name = "integrations_webhooksubscription_{}".format
    return [
        path("subscriptions/", guard(page), name=name("page")),
        path("subscriptions/register/", guard(answer), {"dialog": Register}, name=name("register")),
        path("subscriptions/remove/", guard(answer), {"dialog": Remove}, name=name("remove")),
        path("subscriptions/look/", guard(look), name=name("look")),
    ]


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    if not sees_site(request, VIEW):
        raise PermissionDenied
    return _render(request)


@require_POST
def answer(request: HttpRequest, dialog: type[SubscriptionsDialog]) -> HttpResponse:
    def show_again(form: PageDialog) -> HttpResponse:
        return _render(request, opened=form)

    return answer_in_page(dialog, request, _webhook_url(request), back=reverse(PAGE), page=show_again)


@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Show the subscriptions that Thinkific has, including those of other applications."""
    if not sees_site(request, CHANGE):
        raise PermissionDenied
    try:
        with _turn():
            found = subscriptions.listed()
    except Refusal as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse(PAGE))
    return _render(request, found=found)


def how_many(count: int, what: str) -> SafeString:
    """Returns the pill with the number of subscribed topics."""
    state = "subscribed" if count >= len(SUBSCRIBED) else "partly_subscribed" if count else "not_subscribed"
    return pill(state, f"{count} of {len(SUBSCRIBED)} {what}", live=True)


def _since(subscription: WebhookSubscription | None) -> SafeString:
    if subscription is None:
        return pill("no", live=True)
    at = subscription.created_at
    return pill("subscribed", f"since {moments.day(at)}", title=moments.exact(at), live=True)


def _webhook_url(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("thinkific_webhook"))


def _turn() -> AbstractContextManager[None]:
    return turn(seconds=subscriptions.ALL_WITHIN, what="Another question to Thinkific is")


def _render(
    request: HttpRequest, *, found: list[Found] | None = None, opened: PageDialog | None = None
) -> HttpResponse:
    last, ours = last_received(), {one.topic: one for one in WebhookSubscription.objects.all()}
    registered = next((one.target_url for one in ours.values()), "")
    shown = {one.slug: one for one in offered((Register, Remove), request, _webhook_url(request))}
    if opened is not None:
        shown[opened.slug] = opened
    context = {
        **admin.site.each_context(request),
        "title": "Webhook subscriptions",
        "topics": [
            {"name": topic, "pill": _since(ours.get(topic)), "last": last.get(topic)} for topic in SUBSCRIBED
        ],
        "count": len(ours),
        "subscribed_pill": how_many(len(ours), "subscribed"),
        "registered": registered,
        "dialogs": shown,
        "found": found,
        "connected": Credentials.from_settings().complete,
        "may_change": sees_site(request, CHANGE),
    }
    request.current_app = admin.site.name
    return TemplateResponse(request, "dashboard/subscriptions.html", context)
