"""Tools, the Import tab: one card per import, each with its modal, started in the background."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_GET, require_POST
from django_q.tasks import async_task

from core.admin.kit.viewer import viewer_of
from core.admin.tools.forms import (
    BOTH_TOGGLES,
    ImportFromGroupsForm,
    ImportUsersForm,
    SyncEnrollmentsForm,
    ToolForm,
)
from core.errors import Refusal
from core.models import Seat, User
from core.permissions import scope
from core.services.site import sync_requests, sync_state
from core.wording import plural

# Of these kinds Thinkific can tell what changed; a first run of them reads everything all the same.
CHANGES_ONLY = ("enrollments", "quiz_results")
RECALCULATE_TASK = "core.tasks.recalculate_seats"


@dataclass(frozen=True)
class Card:
    slug: str
    title: str
    icon: str
    text: str
    button: str
    kind: str = ""  # of the run it starts; empty: it starts no run
    form: type[ToolForm] = ToolForm
    question: str = ""  # what the modal says before it starts


CARDS = {
    card.slug: card
    for card in [
        Card(
            "import-users",
            "Import Users from Thinkific",
            "group_add",
            "Brings in every user account of your Thinkific site, and finds who is gone.",
            "Import",
            "users",
            ImportUsersForm,
            "Reads all user accounts from Thinkific. People who are here already are brought up to date.",
        ),
        Card(
            "sync-enrollments",
            "Sync Enrollments",
            "assignment_ind",
            "Brings enrollments, dates and progress in line with Thinkific.",
            "Start",
            "enrollments",
            SyncEnrollmentsForm,
            "Brings all enrollments in line, whatever changed when.",
        ),
        Card(
            "import-groups-users",
            "Import Users from Groups",
            "diversity_3",
            "Puts the members of Thinkific groups into a team.",
            "Import",
            "groups",
            ImportFromGroupsForm,
            "Reads the members of the groups from Thinkific and adds them to the team.",
        ),
        Card(
            "sync-groups",
            "Sync Groups",
            "hub",
            "Brings in the groups and who is in them.",
            "Start",
            "groups",
            question="Reads all groups and their members from Thinkific. Teams change as the direction of "
            "each group's assignment says.",
        ),
        Card(
            "sync-products",
            "Sync Products",
            "menu_book",
            "Brings in courses, bundles and what they contain.",
            "Start",
            "products",
            question="Reads all courses and bundles from Thinkific. Products that are gone there are marked, "
            "not deleted.",
        ),
        Card(
            "sync-content",
            "Sync Course Content",
            "view_list",
            "Brings in the chapters, lessons and quizzes of every course.",
            "Start",
            "content",
            question="Reads chapters, lessons and quizzes of all courses from Thinkific. With many courses "
            "this takes a while.",
        ),
        Card(
            "sync-certificates",
            "Sync Certificates",
            "workspace_premium",
            "Brings in the certificates that Thinkific has issued.",
            "Start",
            "certificates",
            question="Reads the certificates of all courses from Thinkific.",
        ),
        Card(
            "sync-quiz-results",
            "Sync Quiz Results",
            "quiz",
            "Brings in who took which quiz, and with what result.",
            "Start",
            "quiz_results",
            question="Reads all quiz results from Thinkific.",
        ),
        Card(
            "recalculate-seats",
            "Recalculate Seats",
            "calculate",
            "Counts again how many places of every seat are used.",
            "Recalculate",
            question="Counts all seats again from the enrollments and memberships that are stored. Nothing "
            "else changes.",
        ),
    ]
}


def may_use(user: Any) -> bool:
    """Imports are about the whole site: a role in one team does not open this page."""
    return isinstance(user, User) and scope.may_start_runs(user)


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return _render(request)


@require_POST
def start(request: HttpRequest, card: str) -> HttpResponse:
    """Start what a card stands for, with what its modal asked."""
    if not may_use(request.user):
        raise PermissionDenied
    chosen = CARDS.get(card)
    if chosen is None:
        raise Http404
    form = _form(chosen, request, data=request.POST)
    if not form.is_valid():
        return _render(request, form_of={chosen.slug: form})
    try:
        _start(chosen, form, request)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(reverse("admin:tools"))


@require_GET
def numbers(request: HttpRequest, card: str) -> HttpResponse:
    """How many what a card's modal holds is about; nothing while something is left to choose."""
    if not may_use(request.user):
        raise PermissionDenied
    chosen = CARDS.get(card)
    if chosen is None:
        raise Http404
    form = _form(chosen, request, data=request.GET)
    return HttpResponse(form.numbers() if form.is_valid() else "", content_type="text/plain; charset=utf-8")


@require_POST
def sync_now(request: HttpRequest) -> HttpResponse:
    """Start a run of every kind: of what changed, where Thinkific can be asked for that."""
    if not may_use(request.user):
        raise PermissionDenied
    viewer = viewer_of(request)
    started, attached = 0, 0
    refusals: dict[str, None] = {}  # in their order, each once
    for kind in sync_state.states():
        try:
            run = sync_requests.request(kind, started_by=viewer, full=kind not in CHANGES_ONLY)
        except Refusal as refusal:
            refusals[str(refusal)] = None
        else:
            started, attached = started + (not run.attached), attached + run.attached
    said = f"{plural(started, 'sync has', 'syncs have')} started. " if started else ""
    said += f"{plural(attached, 'was', 'were')} under way already. " if attached else ""
    if said:
        each = "it" if started + attached == 1 else "each"
        messages.success(request, f"{said}You are told when {each} is done.")
    for text in refusals:
        messages.error(request, text)
    return HttpResponseRedirect(reverse("admin:index"))


def _start(card: Card, form: ToolForm, request: HttpRequest) -> None:
    viewer = viewer_of(request)
    if not card.kind:
        async_task(RECALCULATE_TASK, viewer.pk)
        messages.success(request, f"{card.title} has started. You will be told when it is done.")
        return
    run = sync_requests.request(card.kind, started_by=viewer, full=True, options=form.options())
    link = format_html('<a class="underline" href="{}">See the run</a>', run.url)
    if run.attached:
        text = "Such a run is under way already; you will be told when it is done."
        messages.warning(request, format_html("{} {}", text, link))
        return
    remark = f" {form.remark()}" if form.remark() else ""
    text = f"{card.title} has started. You will be told when it is done.{remark}"
    messages.success(request, format_html("{} {}", text, link))


def _form(card: Card, request: HttpRequest, *, data: QueryDict | None) -> ToolForm:
    return card.form(data, viewer=viewer_of(request), dialog=f"tool-{card.slug}")


def _render(request: HttpRequest, form_of: dict[str, ToolForm] | None = None) -> HttpResponse:
    if not may_use(request.user):
        raise PermissionDenied
    states = sync_state.states()
    forms_shown = {card.slug: _form(card, request, data=None) for card in CARDS.values()} | (form_of or {})
    cards = [
        {
            "card": card,
            "form": forms_shown[card.slug],
            "open": card.slug in (form_of or {}),
            "state": states.get(card.kind),
        }
        for card in CARDS.values()
    ]
    media = sum((form.media for form in forms_shown.values()), start=forms.Media())
    context = {
        **admin.site.each_context(request),
        "title": "Tools",
        "cards": cards,
        "media": media,
        "both_toggles": BOTH_TOGGLES,
        "seats_counted_at": Seat.objects.aggregate(at=Max("used_counted_at"))["at"],
    }
    return TemplateResponse(request, "dashboard/tools.html", context)
