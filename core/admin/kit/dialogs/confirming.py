"""An action of a list that is confirmed first. The answer is bound to what the page said of the chosen rows:
where that is no longer so, nothing is done, and the page says what has changed and asks anew."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

KEPT = ("action", "_selected_action", "select_across", "index")  # of the list's form
LISTED = 50  # rows of which the page says one by one what becomes of them


def confirmed(request: HttpRequest, *, text: str, rows: Mapping[int, str]) -> bool:
    """Whether this is what the page said: `rows` is what becomes of each, by primary key."""
    return request.POST.get("confirmed") == _digest(text, rows)


def ask(
    model_admin: Any, request: HttpRequest, *, title: str, label: str, text: str, rows: Mapping[int, str]
) -> HttpResponse:
    listed = dict(list(rows.items())[:LISTED])
    kept = [(name, value) for name in KEPT for value in request.POST.getlist(name)]
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "text": text,
        "lines": list(listed.values()),
        "more": len(rows) - len(listed),
        "moved": _moved(request, rows),
        "label": label,
        "kept": [*kept, ("shown", json.dumps(listed)), ("confirmed", _digest(text, rows))],
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "admin/dashboard/confirm_selected.html", context)


def _digest(text: str, rows: Mapping[int, str]) -> str:
    return sha256(json.dumps([text, sorted(rows.items())]).encode()).hexdigest()


def _moved(request: HttpRequest, rows: Mapping[int, str]) -> list[str]:
    """What is not as it was when it was confirmed; empty where this is the first time that it is asked."""
    if "confirmed" not in request.POST:
        return []
    try:
        shown = {int(key): str(line) for key, line in json.loads(request.POST.get("shown", "{}")).items()}
    except (ValueError, AttributeError):
        shown = {}
    said = ["It has changed since you were asked. Nothing was done; this is how it stands now."]
    for key, was in shown.items():
        if key not in rows:
            said.append(f"No longer waiting for it: {was}")
        elif rows[key] != was:
            said.append(f"Then: {was} Now: {rows[key]}")
    return said
