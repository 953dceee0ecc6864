"""What is done to rows that were chosen in a list: asked by a form first, said in numbers, all or nothing.

An action of the list leads to a page with the form; the page carries the chosen keys, so that what is done is
done to whom the person saw, whatever joins or leaves the list meanwhile. Each step asks again who may, and
looks the keys up among the rows that the viewer may see.
"""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from core.admin.kit.base import DashboardAdmin
from core.admin.kit.counting import counted
from core.admin.kit.dialogs.carrying_out import carry_out
from core.admin.kit.dialogs.dialog import Dialog, DialogForm
from core.admin.kit.lists.filters import key_of
from core.admin.kit.lists.lists import amount
from core.admin.kit.viewer import viewer_of
from core.errors import names
from core.models import User

MOST = 500  # at once: somebody waits for it, and others wait for what it locks
OFFERED = 300  # keys that an address has room for; of more the form says which cannot work
STARTED = "started"  # what the form's page sends besides its fields


class SelectedForm(DialogForm):
    """What is asked about the chosen rows. Without rows it answers the pickers."""

    def __init__(self, data: Any = None, *, viewer: User, chosen: Sequence[Any] = ()) -> None:
        super().__init__(data, viewer=viewer)
        self.chosen = chosen

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

    def again(self) -> "SelectedForm":
        return type(self)(self._as_sent, viewer=self.viewer, chosen=self.chosen)


class ForSelected(DashboardAdmin):
    """A list with actions that ask first. Their dialogs are given the chosen rows; `may` asks without one."""

    selected_dialogs: tuple[Dialog, ...] = ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.offer_for_selected)
        return [path("selected/<slug:slug>/", view, name=self._address), *super().get_urls()]

    @property
    def _address(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_selected"

    def offer_for_selected(self, request: HttpRequest, slug: str) -> JsonResponse:
        """What a picker of the form offers."""
        viewer, dialog = viewer_of(request), self._dialog(slug)
        if not self.has_view_permission(request) or not dialog.may(viewer, None):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"} or "pick" not in request.GET:
            raise Http404
        asked = {name: request.GET.get(name, "") for name in ("pick", "term", "page")}
        form: Any = dialog.form(viewer=viewer)
        if "among" in request.GET:
            form.among(asked["pick"], request.GET["among"])
        if (choices := form.picked(asked, viewer)) is None:
            raise Http404
        return choices

    def ask_about_selected(self, request: HttpRequest, rows: QuerySet, slug: str) -> HttpResponse | None:
        """The form's page, or None where there is nothing more to ask: the list says what came of it."""
        viewer, dialog = viewer_of(request), self._dialog(slug)
        if not dialog.may(viewer, None):
            raise PermissionDenied
        chosen = list(rows.order_by("pk")[: MOST + 1])
        if why := self._cannot_be_chosen(request, rows, len(chosen)):
            messages.error(request, why)
            return None
        form: Any = dialog.form
        form = form(request.POST if STARTED in request.POST else None, viewer=viewer, chosen=chosen)
        confirm = ""
        if STARTED in request.POST and form.is_valid():
            if not form.is_confirmed():
                confirm = form.to_confirm()
            else:
                done, form = carry_out(dialog, form)
                if done is not None:
                    messages.success(request, done.text)
                    return None
        form.pick_from(reverse(f"admin:{self._address}", args=[slug]))
        return self._page(request, dialog, form, confirm)

    def _cannot_be_chosen(self, request: HttpRequest, rows: QuerySet, found: int) -> str:
        """Why nothing can be done to these rows together. Empty: it can."""
        if found > MOST:
            return (
                f"{amount(rows.order_by()[:10_001].count())} {self.opts.verbose_name_plural} are chosen; "
                f"{MOST} can be changed at once. Choose fewer, or limit the list by a filter. Nothing was "
                "changed."
            )
        keys = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
        if request.POST.get("select_across", "0") != "1" and len(keys) != found:
            return (
                f"Some of the chosen {self.opts.verbose_name_plural} are not in this list, or no longer. "
                "Look at it again. Nothing was changed."
            )
        return ""

    def _page(self, request: HttpRequest, dialog: Dialog, form: SelectedForm, confirm: str) -> HttpResponse:
        keys = [(ACTION_CHECKBOX_NAME, str(row.pk)) for row in form.chosen]
        screen: Any = self
        context = {
            **self.admin_site.each_context(request),
            "title": dialog.label,
            "opts": self.opts,
            "dialog": dialog,
            "media": screen.media + form.media,
            "form": form,
            "text": f"{counted(form.chosen)}: {names(form.chosen)}. {dialog.text(form.chosen)}",
            "confirm": confirm,
            "back": request.get_full_path(),
            "kept": [("action", request.POST["action"]), ("index", "0"), (STARTED, "1"), *keys],
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/dashboard/dialog.html", context)

    def _dialog(self, slug: str) -> Dialog:
        dialog = next((dialog for dialog in self.selected_dialogs if dialog.slug == slug), None)
        if dialog is None:
            raise Http404
        return dialog
