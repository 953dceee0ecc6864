"""Dialogs about rows that were chosen in a list. An action of the list opens them: over it or, without
scripts, as a page.

Each request checks the viewer's rights again, and finds the rows among those that the viewer may see. The
page sends what it said about each row. If that has changed, nothing is done, and the page shows the changes
and asks again.
"""

import json
from hashlib import sha256
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import cached_property

from core import acting
from core.admin.kit.dialogs.answering import picker_results, render
from core.admin.kit.dialogs.carrying_out import process, show_messages
from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.dialogs.htmx import from_script
from core.admin.kit.dialogs.pickers import Picker
from core.admin.kit.lists.filters import key_of
from core.admin.kit.lists.lists import amount
from core.admin.kit.viewer import viewer_of

MAX_CHOSEN = 500  # for limited dialogs: the viewer waits for it, and others wait for the locked rows
MAX_KEYS = 300  # more do not fit into a URL: then the form refuses choices that cannot work
MAX_LINES = 50  # rows whose outcome the page lists
STARTED = "started"  # a hidden input: the form was shown and is sent now


class ChosenDialog(Dialog):
    """A dialog about the chosen rows of a list (`chosen`), named among the screen's `actions`. `may` is
    called without an object."""

    action: ClassVar[str]  # its name among the actions of the list
    # True: at most MAX_CHOSEN rows, and the page sends their keys, so that only the shown rows are changed.
    # False: the page sends how the rows were chosen, and they are searched again.
    is_limited: ClassVar[bool] = False
    most: ClassVar[int] = 0  # the most rows of a dialog that is not limited; 0: any number
    is_page: ClassVar[bool] = False  # True: it is a page always, and never opens over the list

    @classmethod
    def of(cls, rows: QuerySet) -> QuerySet:
        """Returns those of the chosen rows that the dialog can change."""
        return rows

    @classmethod
    def warn(cls, request: HttpRequest, rows: QuerySet) -> None:
        """Show messages about the chosen rows before the dialog opens."""

    def lines(self) -> dict[int, str]:
        """Returns what will happen to each row, by primary key, for the list in the dialog."""
        return {}

    @cached_property
    def outcomes(self) -> dict[int, str]:
        return self.lines()

    @property
    def digest(self) -> str:
        return sha256(json.dumps([self.text(), sorted(self.outcomes.items())]).encode()).hexdigest()

    def changes_since_shown(self) -> list[str]:
        """Returns sentences that say what has changed since the dialog was shown; empty for nothing."""
        rows = self.outcomes
        if not rows or self.data.get("digest") == self.digest:
            return []
        said = ["This has changed since you opened it. Nothing was done. You see the present state."]
        for key, before in _shown(self.data.get("shown", "{}")).items():
            if key not in rows:
                said.append(f"No longer in the list: {before}")
            elif rows[key] != before:
                said.append(f"Before: {before} Now: {rows[key]}")
        return said

    def page_context(self) -> dict[str, Any]:
        rows = self.outcomes
        listed = dict(list(rows.items())[:MAX_LINES])
        asked = [("shown", json.dumps(listed)), ("digest", self.digest)] if rows else []
        return {"lines": list(listed.values()), "more": len(rows) - len(listed), "asked": asked}

    # --- pickers ------------------------------------------------------------------------------------

    @classmethod
    def has_pickers(cls) -> bool:
        return any(isinstance(field.widget, Picker) for field in cls.base_fields.values())

    def valid_for_all(self) -> dict[str, set[int]]:
        """Returns, by field, the keys that are valid for all chosen users: the pickers offer only these."""
        return {}

    def set_search_url(self, url: str) -> None:
        super().set_search_url(url)
        for name, keys in self.valid_for_all().items():
            if len(keys) <= MAX_KEYS:
                self.fields[name].widget.url += f"&among={'.'.join(map(str, sorted(keys)))}"

    def restrict(self, name: str, keys: str) -> None:
        """Offer only these keys, which the picker's URL contains. A viewer who changes the URL cannot get
        more choices than the field has."""
        field = self.fields.get(name)
        if isinstance(field, forms.ModelChoiceField):
            offered: Any = self.offered.get(name, field.queryset)
            among = [key for part in keys.split(".") if (key := key_of(part)) is not None]
            self.offered[name] = offered.filter(pk__in=among[:MAX_KEYS])


def _shown(sent: str) -> dict[int, str]:
    try:
        return {int(key): str(line) for key, line in json.loads(sent).items()}
    except (ValueError, AttributeError):
        return {}


def list_action(dialog: type[ChosenDialog]) -> tuple[Any, str, str]:
    """Returns the dialog as an action of the list, in Django's format."""

    def ask(model_admin: Any, request: HttpRequest, rows: QuerySet) -> HttpResponse | None:
        return ask_about_chosen(model_admin, request, rows, dialog)

    ask.opens = dialog  # type: ignore[attr-defined]
    return ask, dialog.action, dialog.label


def chosen_address(model_admin: Any) -> str:
    """Returns the name of the URL where the pickers of these dialogs search."""
    return f"{model_admin.opts.app_label}_{model_admin.opts.model_name}_selected"


def pick_for_chosen(model_admin: Any, request: HttpRequest, slug: str) -> HttpResponse:
    """The view of the pickers in these dialogs."""
    viewer = viewer_of(request)
    dialog = next((dialog for dialog in model_admin.selected_dialogs if dialog.slug == slug), None)
    if dialog is None:
        raise Http404
    if not model_admin.has_view_permission(request) or not dialog.may(viewer, None):
        raise PermissionDenied
    if request.method not in {"GET", "HEAD"} or "pick" not in request.GET:
        raise Http404
    form = dialog(viewer=viewer)
    if "among" in request.GET:
        form.restrict(request.GET["pick"], request.GET["among"])
    return picker_results(request, form)


def ask_about_chosen(
    model_admin: Any,
    request: HttpRequest,
    rows: QuerySet,
    dialog: type[ChosenDialog],
    *,
    obj: Any = None,
    picks_at: str = "",
) -> HttpResponse | None:
    """Returns the dialog's page, or None when it is finished: the list then shows the result. `obj` is the
    object whose tab has the rows, and `picks_at` the address of the pickers there."""
    viewer = viewer_of(request)
    closed = "" if (may := dialog.may(viewer, obj)) else dialog.closed(obj, viewer)
    if not may and not closed:
        raise PermissionDenied
    if why := closed or (dialog.in_own_name and acting.obstacle(dialog.in_own_name)):
        return _refused(model_admin, request, dialog, why)
    found, most = dialog.of(rows), MAX_CHOSEN if dialog.is_limited else dialog.most
    chosen = list(found.order_by("pk")[: most + 1] if most else found)
    if most and (why := _cannot_be_chosen(model_admin, request, rows, len(chosen), most)):
        return _refused(model_admin, request, dialog, why)
    dialog.warn(request, rows)
    started = STARTED in request.POST
    sent = request.POST if started or not chosen else None
    form: Any = dialog(sent, viewer=viewer, obj=obj, chosen=chosen)
    confirm, changes = "", form.changes_since_shown() if started else []
    if form.is_bound and not changes:
        done, form, confirm = process(form)
        if done is not None:
            show_messages(request, done)
            return None
    named = [(ACTION_CHECKBOX_NAME, str(row.pk)) for row in chosen]
    across = [(name, value) for name in ("select_across", "index") for value in request.POST.getlist(name)]
    if dialog.is_limited:
        across = [("index", "0")]
    else:  # as the list's form chose them
        named = [(ACTION_CHECKBOX_NAME, key) for key in request.POST.getlist(ACTION_CHECKBOX_NAME)]
    context = {
        "confirm": confirm,
        "blocked": form.without_choice(),
        "changes": changes + _said_over_the_page(request),
        "back": request.get_full_path(),
        "over_a_page": from_script(request),
        "kept": [("action", dialog.action), (STARTED, "1"), *across, *named],
    }
    if dialog.has_pickers() and not picks_at:
        picks_at = reverse(f"admin:{chosen_address(model_admin)}", args=[dialog.slug])
    return render(model_admin, request, form, context, picks_at=picks_at)


def _refused(
    model_admin: Any, request: HttpRequest, dialog: type[ChosenDialog], why: str
) -> HttpResponse | None:
    """Say why the dialog does not open: in the dialog over the list, which keeps what was chosen, or on the
    list (None)."""
    if not from_script(request):
        messages.error(request, why)
        return None
    context = {
        **model_admin.admin_site.each_context(request),
        "title": dialog.title or dialog.label,
        "blocked": why,
        "back": request.get_full_path(),
        "over_a_page": True,
    }
    return TemplateResponse(request, dialog.template, context)


def _said_over_the_page(request: HttpRequest) -> list[str]:
    """Returns the messages that a page would show above the dialog. Over a page they stand in it."""
    return [str(one) for one in messages.get_messages(request)] if from_script(request) else []


def _cannot_be_chosen(model_admin: Any, request: HttpRequest, rows: QuerySet, found: int, most: int) -> str:
    """Returns why these rows cannot be changed together; empty if they can."""
    called = rows.model._meta.verbose_name_plural
    if found > most:
        return (
            f"{amount(rows.order_by()[:10_001].count())} {called} are chosen; {most:,} can be changed at "
            "once. Choose fewer, or limit the list by a filter. Nothing was changed."
        )
    keys = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
    if request.POST.get("select_across", "0") != "1" and len(keys) != found:
        return (
            f"Some of the chosen {called} are not in this list or no longer in it. "
            "Check the list and choose again. Nothing was changed."
        )
    return ""
