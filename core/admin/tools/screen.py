"""Tools, the Import tab: one card per import, each with its dialog, started in the background."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from core.admin.kit.dialogs.in_page import PageDialog, answer_in_page
from core.admin.kit.viewer import viewer_of
from core.admin.tools import teams
from core.admin.tools.dialogs import BOTH_TOGGLES, CARDS, Tool
from core.admin.tools.sync_everything import SyncEverything
from core.imports.kinds import may_import
from core.models import ImportBatch, Seat
from core.permissions import scope
from core.services.site import sync_state


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return _render(request)


@require_POST
def start(request: HttpRequest, card: str) -> HttpResponse:
    """Start the run of a card with the values of its dialog."""

    def show_again(form: PageDialog) -> HttpResponse:
        return _render(request, opened={card: form})

    return answer_in_page(_card(request, card), request, back=reverse("admin:tools"), page=show_again)


@require_GET
def numbers(request: HttpRequest, card: str) -> HttpResponse:
    """Returns the numbers for a card's dialog as text; empty while required values are missing."""
    form = _card(request, card)(request.GET, viewer=viewer_of(request))
    return HttpResponse(form.numbers() if form.is_valid() else "", content_type="text/plain; charset=utf-8")


@require_POST
def sync_now(request: HttpRequest) -> HttpResponse:
    """Start a run of every kind, from the first page."""
    kinds = len(sync_state.states())
    return answer_in_page(SyncEverything, request, kinds, back=reverse("admin:index"))


def _check_may_use(request: HttpRequest) -> None:
    if not Tool.may(viewer_of(request), None):
        raise PermissionDenied


def _card(request: HttpRequest, slug: str) -> type[Tool]:
    _check_may_use(request)
    if slug not in CARDS:
        raise Http404
    return CARDS[slug]


def _render(request: HttpRequest, opened: dict[str, PageDialog] | None = None) -> HttpResponse:
    _check_may_use(request)
    viewer, states = viewer_of(request), sync_state.states()
    forms_shown: dict[str, Any] = {slug: card(viewer=viewer) for slug, card in CARDS.items()}
    forms_shown |= opened or {}
    cards = [
        {"slug": slug, "form": form, "state": states.get(form.kind)} for slug, form in forms_shown.items()
    ]
    context = {
        **admin.site.each_context(request),
        "title": "Tools",
        "shows_teams": teams.may_see(viewer),
        "shows_csv": scope.holds(viewer, "tools.csv"),
        "shows_group_matching": may_import(viewer, ImportBatch.Kind.GROUP_MATCHING),
        "cards": cards,
        "media": sum((form.media for form in forms_shown.values()), start=forms.Media()),
        "both_toggles": BOTH_TOGGLES,
        "seats_counted_at": Seat.objects.aggregate(at=Max("used_counted_at"))["at"],
    }
    return TemplateResponse(request, "dashboard/tools.html", context)
