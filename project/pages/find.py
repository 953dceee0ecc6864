"""The search by name (Ctrl+K) for screens, people, teams, products and groups that the viewer may see."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from core.admin.kit import cells
from core.admin.kit.dialogs.choice_labels import RELATED, label
from core.admin.kit.lists.filters import words_of
from core.admin.kit.viewer import viewer_of
from core.folding import fold
from core.models import Product, Team, ThinkificGroup, User
from project.unfold.sidebar import navigation

SHOWN = 5  # results of each kind
LONGEST = 200  # characters of the search text
KINDS: dict[type, str] = {User: "person", Team: "groups", Product: "menu_book", ThinkificGroup: "diversity_3"}


@dataclass(frozen=True)
class Found:
    name: str
    detail: str
    url: str
    icon: str


@dataclass(frozen=True)
class Section:
    title: str
    found: list[Found]
    more: str = ""  # address of the list with all results, when there are more


def find(request: HttpRequest) -> HttpResponse:
    """Renders the results for the words in `s`, as a fragment of a page."""
    asked = request.GET.get("s", "").replace("\x00", "").strip()[:LONGEST]
    words = words_of(asked)
    sections = [_screens(words, request), *(_rows(model, words, request) for model in KINDS)] if words else []
    context = {"asked": asked, "sections": [section for section in sections if section.found]}
    return render(request, "dashboard/found.html", context)


def _screens(words: list[str], request: HttpRequest) -> Section:
    items = [(item, section["title"]) for section in navigation(request) for item in section["items"]]
    found = [
        Found(item["title"], title, item["link"], item["icon"])
        for item, title in items
        if all(fold(word) in fold(item["title"]) for word in words)
    ]
    return Section("Screens", found[:SHOWN])


def _rows(model: Any, words: list[str], request: HttpRequest) -> Section:
    screen: Any = admin.site._registry[model]
    if not screen.has_view_permission(request):
        return Section("", [])
    viewer = viewer_of(request)
    rows = screen.search(screen.limit(model._default_manager.all(), viewer), words, viewer)
    first = list(rows.select_related(*RELATED.get(model, ())).order_by(*model._meta.ordering)[: SHOWN + 1])
    found = []
    for row in first[:SHOWN]:
        name, _, detail = label(row).partition("\n")
        found.append(Found(name, detail, cells.detail_url(row), KINDS[model]))
    more = ""
    if len(first) > SHOWN:
        more = reverse(f"admin:core_{model._meta.model_name}_changelist", query={"q": " ".join(words)})
    return Section(screen.list_title(request), found, more)
