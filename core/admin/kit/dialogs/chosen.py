"""Dialogs about rows that were chosen in a list: an action of the list leads to the question's page.

Each step asks again who may, and looks the rows up among those that the viewer may see. The answer is bound
to what the page said of each row: where that is no longer so, nothing is done, and the page says what has
changed and asks anew.
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
from django.urls import reverse
from django.utils.functional import cached_property

from core.admin.kit.dialogs.answering import choices, drawn
from core.admin.kit.dialogs.carrying_out import say, taken
from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.dialogs.pickers import Picker
from core.admin.kit.lists.filters import key_of
from core.admin.kit.lists.lists import amount
from core.admin.kit.viewer import viewer_of

MOST = 500  # at once, where that is limited: somebody waits for it, and others wait for what it locks
OFFERED = 300  # keys that an address has room for; of more the form says which cannot work
LISTED = 50  # rows of which the page says one by one what becomes of them
STARTED = "started"  # what the question's page sends besides its fields


class ChosenDialog(Dialog):
    """A question about the chosen rows of a list (`chosen`); `may` is asked without an object. Name it among
    the screen's `actions`."""

    action: ClassVar[str]  # its name among the actions of the list
    # On: no more than MOST, and the page carries their keys, so that it is done to whom the person saw. Off:
    # the page carries how they were chosen, and looks again.
    is_limited: ClassVar[bool] = False

    @classmethod
    def of(cls, rows: QuerySet) -> QuerySet:
        """Returns those of the chosen rows to which there is something to do."""
        return rows

    @classmethod
    def before(cls, request: HttpRequest, rows: QuerySet) -> None:
        """Tell the viewer what they should know of the chosen rows, whatever they answer."""

    def lines(self) -> dict[int, str]:
        """Returns what becomes of each row, by primary key: its page lists them."""
        return {}

    @cached_property
    def becomes(self) -> dict[int, str]:
        return self.lines()

    @property
    def digest(self) -> str:
        return sha256(json.dumps([self.text(), sorted(self.becomes.items())]).encode()).hexdigest()

    def moved(self) -> list[str]:
        """Returns what has changed since the question was put, in sentences; empty: nothing."""
        rows = self.becomes
        if not rows or self.data.get("digest") == self.digest:
            return []
        said = ["It has changed since you were asked. Nothing was done; this is how it stands now."]
        for key, was in _shown(self.data.get("shown", "{}")).items():
            if key not in rows:
                said.append(f"No longer waiting for it: {was}")
            elif rows[key] != was:
                said.append(f"Then: {was} Now: {rows[key]}")
        return said

    def page_context(self) -> dict[str, Any]:
        rows = self.becomes
        listed = dict(list(rows.items())[:LISTED])
        asked = [("shown", json.dumps(listed)), ("digest", self.digest)] if rows else []
        return {"lines": list(listed.values()), "more": len(rows) - len(listed), "asked": asked}

    # --- pickers ------------------------------------------------------------------------------------

    @classmethod
    def has_pickers(cls) -> bool:
        return any(isinstance(field.widget, Picker) for field in cls.base_fields.values())

    def work_for_all(self) -> dict[str, set[int]]:
        """Of which fields the pickers offer less than what may be given to somebody: the keys that can work
        for all who are chosen."""
        return {}

    def pick_from(self, url: str) -> None:
        super().pick_from(url)
        for name, keys in self.work_for_all().items():
            if len(keys) <= OFFERED:
                self.fields[name].widget.url += f"&among={'.'.join(map(str, sorted(keys)))}"

    def among(self, name: str, keys: str) -> None:
        """Offer only these: what the page's own address says. It can take away and never add."""
        field = self.fields.get(name)
        if isinstance(field, forms.ModelChoiceField):
            offered: Any = self.offered.get(name, field.queryset)
            among = [key for part in keys.split(".") if (key := key_of(part)) is not None]
            self.offered[name] = offered.filter(pk__in=among[:OFFERED])


def _shown(sent: str) -> dict[int, str]:
    try:
        return {int(key): str(line) for key, line in json.loads(sent).items()}
    except (ValueError, AttributeError):
        return {}


def list_action(dialog: type[ChosenDialog]) -> tuple[Any, str, str]:
    """Returns the action of the list that leads to the dialog, as Django has them."""

    def ask(model_admin: Any, request: HttpRequest, rows: QuerySet) -> HttpResponse | None:
        return ask_about_chosen(model_admin, request, rows, dialog)

    ask.opens = dialog  # type: ignore[attr-defined]
    return ask, dialog.action, dialog.label


def chosen_address(model_admin: Any) -> str:
    """Returns the name of the address where the pickers of these dialogs search."""
    return f"{model_admin.opts.app_label}_{model_admin.opts.model_name}_selected"


def pick_for_chosen(model_admin: Any, request: HttpRequest, slug: str) -> HttpResponse:
    """What a picker of such a dialog offers."""
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
        form.among(request.GET["pick"], request.GET["among"])
    return choices(request, form)


def ask_about_chosen(
    model_admin: Any, request: HttpRequest, rows: QuerySet, dialog: type[ChosenDialog]
) -> HttpResponse | None:
    """The question's page, or None where there is nothing more to ask: the list says what came of it."""
    viewer = viewer_of(request)
    if not dialog.may(viewer, None):
        raise PermissionDenied
    found = dialog.of(rows)
    chosen = list(found.order_by("pk")[: MOST + 1] if dialog.is_limited else found)
    if dialog.is_limited and (why := _cannot_be_chosen(model_admin, request, rows, len(chosen))):
        messages.error(request, why)
        return None
    dialog.before(request, rows)
    started = STARTED in request.POST
    form: Any = dialog(request.POST if started or not chosen else None, viewer=viewer, chosen=chosen)
    confirm, moved = "", form.moved() if started else []
    if form.is_bound and not moved:
        done, form, confirm = taken(form)
        if done is not None:
            say(request, done)
            return None
    named = [(ACTION_CHECKBOX_NAME, str(row.pk)) for row in chosen]
    across = [(name, value) for name in ("select_across", "index") for value in request.POST.getlist(name)]
    if dialog.is_limited:
        across = [("index", "0")]
    else:  # as the list's form chose them
        named = [(ACTION_CHECKBOX_NAME, key) for key in request.POST.getlist(ACTION_CHECKBOX_NAME)]
    context = {
        "confirm": confirm,
        "moved": moved,
        "back": request.get_full_path(),
        "kept": [("action", dialog.action), (STARTED, "1"), *across, *named],
    }
    if dialog.has_pickers():
        address = reverse(f"admin:{chosen_address(model_admin)}", args=[dialog.slug])
        return drawn(model_admin, request, form, context, picks_at=address)
    return drawn(model_admin, request, form, context)


def _cannot_be_chosen(model_admin: Any, request: HttpRequest, rows: QuerySet, found: int) -> str:
    """Why nothing can be done to these rows together. Empty: it can."""
    called = model_admin.opts.verbose_name_plural
    if found > MOST:
        return (
            f"{amount(rows.order_by()[:10_001].count())} {called} are chosen; {MOST} can be changed at once. "
            "Choose fewer, or limit the list by a filter. Nothing was changed."
        )
    keys = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
    if request.POST.get("select_across", "0") != "1" and len(keys) != found:
        return (
            f"Some of the chosen {called} are not in this list, or no longer. "
            "Look at it again. Nothing was changed."
        )
    return ""
