"""Help: the guide for managers of teams, rendered from docs/guide-for-managers.md."""

from functools import cache
from itertools import pairwise

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from django.views.decorators.http import require_GET
from markdown_it import MarkdownIt

from core.admin.kit.viewer import viewer_of
from core.permissions import scope

GUIDE = "docs/guide-for-managers.md"


@require_GET
def guide(request: HttpRequest) -> HttpResponse:
    """Renders the guide for viewers who may see teams; students have no use for it."""
    if not scope.holds(viewer_of(request), "teams.view"):
        raise Http404
    headings, text = _rendered()
    context = {"title": "Help", "headings": headings, "text": text}
    return render(request, "dashboard/help.html", admin.site.each_context(request) | context)


@cache
def _rendered() -> tuple[list[tuple[str, str]], SafeString]:
    """Returns the sections (name and anchor) and the text. Its first heading is left out: the page has it."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    source = (settings.BASE_DIR / GUIDE).read_text(encoding="utf-8")
    tokens = parser.parse(source.partition("\n")[2])
    headings = []
    for token, inside in pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            token.attrSet("id", slugify(inside.content))
            headings.append((inside.content, slugify(inside.content)))
    html = parser.renderer.render(tokens, parser.options, {})
    return headings, mark_safe(html)  # noqa: S308 (our own file, its HTML is escaped)  # nosec B308 B703
