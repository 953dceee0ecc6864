"""The pages of dialogs. The address of a dialog asks the same as its button: may this person do this, to this
object, to this row of it. It works as a page; a button opens it over the page that it is on."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from core.admin.kit import cells
from core.admin.kit.dialogs.carrying_out import say, taken
from core.admin.kit.dialogs.dialog import Dialog, RowDialog
from core.admin.kit.dialogs.htmx import asked_back, from_script, page_behind
from core.admin.kit.viewer import viewer_of

GONE = "What this was about is no longer here. This is how it stands now."
CLOSED = "You may no longer do this. This is how it stands now."


def answer(
    model_admin: Any,
    request: HttpRequest,
    slug: str,
    object_id: str | None = None,
    part_id: str | None = None,
) -> HttpResponse:
    """The address of the dialogs of a screen."""
    dialog = next((d for d in model_admin.dialogs if d.slug == slug), None)
    if dialog is not None and dialog.about_new != (object_id is None):
        dialog = None
    return answer_here(model_admin, request, dialog, object_id, part_id)


def answer_here(
    model_admin: Any,
    request: HttpRequest,
    dialog: type[Dialog] | None,
    object_id: str | None = None,
    part_id: str | None = None,
) -> HttpResponse:
    """A dialog's page, or what came of it. A dialog over a page that is no longer there, or no longer this
    person's, leads to the page, which says so: there an error page would be an empty box."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    try:
        if dialog is None or issubclass(dialog, RowDialog) != (part_id is not None):
            raise Http404
        return _answer(model_admin, request, dialog, object_id, part_id)
    except (Http404, PermissionDenied) as missing:
        if not from_script(request):
            raise
        messages.warning(request, GONE if isinstance(missing, Http404) else CLOSED)
        opts = model_admin.opts
        about = f"/{opts.app_label}/{opts.model_name}/{object_id}/"
        behind = page_behind(request)
        if not behind or (about in behind and not model_admin.get_object(request, str(object_id))):
            behind = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
        return HttpResponseRedirect(behind)


def _answer(
    model_admin: Any, request: HttpRequest, dialog: type[Dialog], object_id: str | None, part_id: str | None
) -> HttpResponse:
    viewer = viewer_of(request)
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    obj = None if object_id is None else model_admin.get_or_404(request, object_id)
    if not dialog.may(viewer, obj):
        raise PermissionDenied
    if dialog.also is not None and dialog.also[0] in request.POST and not dialog.may_also(viewer):
        raise PermissionDenied
    back = asked_back(request) or _back(model_admin, dialog, obj)
    if obj is not None and not dialog.applies(obj):
        return is_over(request, dialog, obj, back)
    part = dialog.rows(obj, viewer).filter(pk=part_id).first() if issubclass(dialog, RowDialog) else None
    if part_id is not None and part is None:
        return _gone(request, back)
    form = dialog(request.POST if request.method == "POST" else None, viewer=viewer, obj=obj, part=part)
    if "pick" in request.GET and request.method == "GET":
        return choices(request, form)
    blocked, confirm = dialog.blocked(form.target, viewer), ""
    if request.method == "POST" and not blocked:
        try:
            done, form, confirm = taken(form)
        except Http404:
            if part is None:
                raise
            return _gone(request, back)
        if done is not None:
            say(request, done)
            return HttpResponseRedirect(done.url or back)
    context = {
        "original": obj,
        "blocked": blocked,
        "instead": dialog.instead(form.target, viewer),
        "confirm": confirm,
        "back": back,
        "also": dialog.also if dialog.also and dialog.may_also(viewer) else None,
        "over_a_page": from_script(request),
    }
    return drawn(model_admin, request, form, context)


def drawn(
    model_admin: Any, request: HttpRequest, form: Dialog, context: dict[str, Any], *, picks_at: str = ""
) -> HttpResponse:
    """The page of a dialog; `model_admin` is None where it belongs to no screen of a model. `picks_at` is
    where its pickers search, where that is not its own address."""
    form.pick_from(picks_at or request.path)
    site = admin.site if model_admin is None else model_admin.admin_site
    context = {
        **site.each_context(request),
        "title": form.title or form.label,
        "opts": model_admin and model_admin.opts,
        "media": form.media if model_admin is None else model_admin.media + form.media,
        "form": form,
        "submit": form.submit or form.label,
        "danger": form.danger,
        "text": dict(form.asked)["asked"],
        "asked": form.asked,
        **form.page_context(),
        **context,
    }
    request.current_app = site.name
    return TemplateResponse(request, form.template, context)


def choices(request: HttpRequest, form: Dialog) -> HttpResponse:
    """What one of the form's pickers finds."""
    asked = {name: request.GET.get(name, "") for name in ("pick", "term", "page")}
    if (found := form.picked(asked, form.viewer)) is None:
        raise Http404
    return found


def is_over(request: HttpRequest, dialog: type[Dialog], obj: Any, back: str) -> HttpResponse:
    """There is nothing left to do: who was first, where that is known."""
    over = dialog.over(obj) or f"“{dialog.label}” is no longer needed here."
    messages.warning(request, f"{over} This is how it stands now.")
    return HttpResponseRedirect(back)


def _gone(request: HttpRequest, back: str) -> HttpResponse:
    """The row is no longer there, or not for this: its page is, and says so. Of a row that was never this
    person's to see the answer is the same."""
    if from_script(request) or "pick" in request.GET:
        raise Http404  # answered by the page behind; to a picker as to anything that it cannot search
    messages.warning(request, GONE)
    return HttpResponseRedirect(back)


def _back(model_admin: Any, dialog: type[Dialog], obj: Any) -> str:
    if obj is None:
        opts = model_admin.opts
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return cells.detail_url(obj, dialog.tab)
