"""The base class of screens with dialogs: their URLs, buttons and scripts."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.forms import Media
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from core.admin.kit.dialogs.answering import answer
from core.admin.kit.dialogs.chosen import ChosenDialog, chosen_address, list_action, pick_for_chosen
from core.admin.kit.dialogs.chosen_in_tab import pick_in_tab, tab_address
from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.dialogs.locking import LockingAdmin
from core.admin.kit.dialogs.pickers import picker
from core.admin.kit.viewer import viewer_of
from core.models import Membership, User


class DialogAdmin(LockingAdmin):
    dialogs: tuple[type[Dialog], ...] = ()  # about the object, or about a row of a tab

    def page_links(self, obj: Any, viewer: User, tab: str) -> list[SafeString]:
        """Returns links to other pages, to stand beside the buttons of the dialogs in this tab."""
        return []

    @property
    def selected_dialogs(self) -> list[type[ChosenDialog]]:
        """Returns the dialogs about chosen rows, which are named among `actions`."""
        return [one for one in self.actions or () if isinstance(one, type)]

    @property
    def actions_over_the_list(self) -> list[str]:
        """Returns the names of the actions whose dialogs open over the list."""
        return [dialog.action for dialog in self.selected_dialogs if not dialog.is_page]

    @property
    def media(self) -> Media:
        buttons = (getattr(self, name) for name in (*self.actions_list, *self.actions_detail))
        has_buttons = bool(self.dialogs) or any(hasattr(button, "opens") for button in buttons)
        if not has_buttons and not self.actions_over_the_list:
            return super().media
        choices = picker(Membership.team).media  # dialogs open over the page, so the page needs their scripts
        scripts = [f"dashboard/{name}.js" for name in ("modal", "modal_focus", "permissions")]
        return super().media + choices + Media(js=scripts)

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        view, name = guard(partial(answer, self)), f"{self.opts.app_label}_{self.opts.model_name}_do"
        own = [
            path("do/<slug:slug>/", view, name=f"{name}_new"),
            path("<key:object_id>/do/<slug:slug>/", view, name=name),
            path("<key:object_id>/do/<slug:slug>/<key:row_id>/", view, name=f"{name}_row"),
        ]
        pick = guard(partial(pick_for_chosen, self))
        picks = path("selected/<slug:slug>/", pick, name=chosen_address(self))
        has_pickers = any(dialog.has_pickers() for dialog in self.selected_dialogs)
        pick = guard(partial(pick_in_tab, self))
        address = "<key:object_id>/tab/<slug:tab>/<slug:slug>/"
        in_tab = path(address, pick, name=tab_address(self).removeprefix("admin:"))
        picked_in_tabs = [in_tab] if any(tab.actions for tab in getattr(self, "tabs", ())) else []
        others = picked_in_tabs + (own if self.dialogs else []) + super().get_urls()
        return [picks, *others] if has_pickers else others

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponseRedirect:
        """Redirects to the first page with a message, alike for a missing and for a hidden object."""
        messages.warning(request, f"This {opts.verbose_name} does not exist, or you may not see it.")
        return HttpResponseRedirect(reverse("admin:index"))

    def get_action(self, action: Any) -> Any:
        return list_action(action) if isinstance(action, type) else super().get_action(action)

    def _filter_actions_by_permissions(self, request: HttpRequest, actions: Any) -> Any:
        found = super()._filter_actions_by_permissions(request, actions)
        return [one for one in found if self._may_open(request, one[0])]

    def _filter_unfold_actions_by_permissions(
        self, request: HttpRequest, actions: Any, object_id: Any = None
    ) -> Any:
        found = super()._filter_unfold_actions_by_permissions(request, actions, object_id)
        return [one for one in found if self._may_open(request, one.method)]

    def _may_open(self, request: HttpRequest, action: Any) -> bool:
        """Whether the viewer may use now the dialog that an action opens. True for other actions, which have
        their own permissions."""
        dialog = getattr(action, "opens", None)
        if dialog is None:
            return True
        return self.has_view_permission(request) and dialog.may_now(viewer_of(request), None)
