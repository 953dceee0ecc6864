"""Dialogs about rows that were chosen in a tab of a detail page (`Tab.actions`).

The form of the tab is sent to the address of the page, whose search and filters say which rows there are.
"""

from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core.admin.kit.dialogs.answering import picker_results
from core.admin.kit.dialogs.chosen import ask_about_chosen
from core.admin.kit.lists.filters import key_of
from core.admin.kit.viewer import viewer_of


def is_sent(request: HttpRequest, tab: Any) -> bool:
    """Whether the request is the form of this tab, which chooses rows and what to do with them."""
    return request.method == "POST" and bool(tab.actions)


def answer_in_tab(
    model_admin: Any, request: HttpRequest, obj: Model, tab: Any, rows: QuerySet
) -> HttpResponse:
    """Returns the dialog's page, or a redirect to the tab with a message. `rows` are those that the address
    asks for."""
    viewer = viewer_of(request)
    back = HttpResponseRedirect(request.get_full_path())
    dialog = next((one for one in tab.actions if one.action == request.POST.get("action")), None)
    if dialog is None:
        messages.warning(request, "Choose what to do with the chosen rows. Nothing was changed.")
        return back
    if not dialog.may(viewer, obj) and not dialog.closed(obj, viewer):
        raise PermissionDenied
    chosen = tab.chosen(rows)
    if request.POST.get("select_across", "0") != "1":
        keys = [key for sent in request.POST.getlist(ACTION_CHECKBOX_NAME) if (key := key_of(sent))]
        if not keys:
            messages.warning(request, "Choose at least one row. Nothing was changed.")
            return back
        chosen = chosen.filter(pk__in=keys)
    address = reverse(tab_address(model_admin), args=[obj.pk, tab.slug, dialog.slug])
    return ask_about_chosen(model_admin, request, chosen, dialog, obj=obj, picks_at=address) or back


def tab_address(model_admin: Any) -> str:
    """Returns the name of the URL where the pickers of these dialogs search."""
    return f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_tab_selected"


def pick_in_tab(model_admin: Any, request: HttpRequest, object_id: str, tab: str, slug: str) -> HttpResponse:
    """The view of the pickers in these dialogs."""
    viewer = viewer_of(request)
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    obj = model_admin.get_or_404(request, object_id)
    shown = next((one for one in model_admin.tabs if one.slug == tab and one.is_shown(obj, viewer)), None)
    dialog = next((one for one in shown.actions if one.slug == slug), None) if shown else None
    if dialog is None or request.method not in {"GET", "HEAD"} or "pick" not in request.GET:
        raise Http404
    if not dialog.may(viewer, obj):
        raise PermissionDenied
    form = dialog(viewer=viewer, obj=obj)
    if "among" in request.GET:
        form.restrict(request.GET["pick"], request.GET["among"])
    return picker_results(request, form)
