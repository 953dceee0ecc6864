"""Items under "attention" about the sync from Thinkific: failed runs, webhooks that are not subscribed."""

from datetime import timedelta

from django.db.models import Min, Q, Subquery
from django.urls import reverse
from django.utils import timezone

from core.admin.kit import cells, open_pages
from core.admin.kit.open_pages import list_url
from core.admin.kit.sitewide import sees_site
from core.moments import recent
from core.wording import listed
from integrations.admin.subscriptions import CHANGE, PAGE
from integrations.models import InboundEvent, Kind, SyncRun, SyncSchedule, WebhookSubscription
from integrations.progress import in_words
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.runs.lifecycle import SINGLE
from project.overview.item import Button, Item

EVENT_WITHIN = timedelta(days=7)  # events within this time prove a subscription that was made elsewhere
SHOWN = 300  # characters of the error


def failed_runs() -> Item | None:
    """Kinds whose last run failed. Runs about a single object do not count."""
    ended = SyncRun.objects.filter(finished_at__isnull=False).exclude(status=SyncRun.Status.CANCELLED)
    ended = ended.exclude(options__has_any_keys=SINGLE)
    newest = Q()
    for kind in Kind.values:  # one row each, by the index on kind and id
        newest |= Q(pk=Subquery(ended.filter(kind=kind).order_by("-id").values("pk")[:1]))
    failed = list(
        SyncRun.objects.filter(newest, status=SyncRun.Status.FAILED).defer("cursor", "seen").order_by("-id")
    )
    if not failed:
        return None
    first = failed[0]
    words = first.errors[0]["message"][:SHOWN] if first.errors else "No reason was recorded."
    if len(failed) == 1:
        return Item(
            "bad",
            "sync_problem",
            f"{first.get_kind_display()}: the last run failed",
            words,
            cells.detail_url(first) if open_pages.is_open(first) else "",
            "Look at it",
        )
    return Item(
        "bad",
        "sync_problem",
        f"The last runs of {listed([run.get_kind_display().lower() for run in failed])} failed",
        f"{first.get_kind_display()}: {words}",
        list_url(SyncRun, "status=failed"),
        "Look at them",
    )


def no_webhooks() -> Item | None:
    """A hint when no webhooks are subscribed: nothing is wrong, but most changes arrive much later."""
    if not Credentials.from_settings().complete or WebhookSubscription.objects.exists():
        return None
    if InboundEvent.objects.filter(recent("received_at", timezone.now(), within=EVENT_WITHIN)).exists():
        return None
    return Item(
        "info",
        "webhook",
        "No webhooks are subscribed",
        f"Changes in Thinkific arrive with the next sync{_how_long()}. With webhooks they take seconds.",
        reverse(PAGE) if list_url(InboundEvent) else "",
        "More about it",
        _button(),
    )


def _how_long() -> str:
    rows = SyncSchedule.objects.filter(enabled=True, kind__in=[Kind.USERS, Kind.ENROLLMENTS]).order_by()
    every = dict(rows.values("kind").annotate(least=Min("every_minutes")).values_list("kind", "least"))
    waits = [
        f"{label} within {in_words(60 * every[kind])}"
        for kind, label in ((Kind.USERS, "people"), (Kind.ENROLLMENTS, "enrollments"))
        if kind in every
    ]
    return f": {listed(waits)}" if waits else ""


def _button() -> Button | None:
    pages = open_pages.current()
    if pages is None or not sees_site(pages.request, CHANGE):
        return None
    here = pages.request.build_absolute_uri(reverse("thinkific_webhook"))
    return Button("Subscribe", reverse("admin:integrations_webhooksubscription_register"), "address", here)
