"""Screens that ask: their dialogs, the addresses and buttons of these, and the scripts that they need."""

from functools import partial
from typing import Any

from django.forms import Media
from django.http import HttpRequest
from django.urls import URLPattern, path

from core.admin.kit.dialogs.answering import answer
from core.admin.kit.dialogs.chosen import ChosenDialog, chosen_address, list_action, pick_for_chosen
from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.dialogs.locking import LockingAdmin
from core.admin.kit.dialogs.pickers import by_typing
from core.admin.kit.viewer import viewer_of
from core.models import Membership


class AskingAdmin(LockingAdmin):
    dialogs: tuple[type[Dialog], ...] = ()  # what can be done to the object, or to a row of a tab

    @property
    def selected_dialogs(self) -> list[type[ChosenDialog]]:
        """The dialogs about chosen rows, which stand among `actions`."""
        return [one for one in self.actions or () if isinstance(one, type)]

    @property
    def media(self) -> Media:
        buttons = (getattr(self, name) for name in (*self.actions_list, *self.actions_detail))
        if not self.dialogs and not any(hasattr(button, "opens") for button in buttons):
            return super().media
        choices = by_typing(Membership.team).media  # dialogs open over the page, which has the scripts
        return super().media + choices + Media(js=["dashboard/modal.js"])

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        view, name = guard(partial(answer, self)), f"{self.opts.app_label}_{self.opts.model_name}_do"
        own = [
            path("do/<slug:slug>/", view, name=f"{name}_new"),
            path("<key:object_id>/do/<slug:slug>/", view, name=name),
            path("<key:object_id>/do/<slug:slug>/<key:part_id>/", view, name=f"{name}_part"),
        ]
        pick = guard(partial(pick_for_chosen, self))
        picks = path("selected/<slug:slug>/", pick, name=chosen_address(self))
        has_pickers = any(dialog.has_pickers() for dialog in self.selected_dialogs)
        return ([picks] if has_pickers else []) + (own if self.dialogs else []) + super().get_urls()

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
        """Whether this person may use an action that opens a dialog; others are asked about elsewhere."""
        dialog = getattr(action, "opens", None)
        if dialog is None:
            return True
        return self.has_view_permission(request) and dialog.may(viewer_of(request), None)
