"""The views of dialogs. The view checks the same as the button: whether the viewer may do this to this object
and this row. It works as a page; a button opens it over the present page.
"""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from core.admin.kit import cells
from core.admin.kit.dialogs.carrying_out import process, show_messages
from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog
from core.admin.kit.dialogs.htmx import came_from, from_script, next_url, referring_page
from core.admin.kit.viewer import viewer_of
from core.models import User

PRESENT = "This page shows the present state."
NOT_FOUND = f"This object no longer exists. {PRESENT}"
# One sentence for both, and for a row that the viewer may not see.
ROW_MISSING = f"This row is no longer there, or no longer needs this. {PRESENT}"
OPEN_IT = "Open it"
NOT_ALLOWED = f"You may no longer do this. {PRESENT}"


class RowMissing(Http404):
    """The row of a tab is not there, or not for this viewer."""


def answer(
    model_admin: Any,
    request: HttpRequest,
    slug: str,
    object_id: str | None = None,
    row_id: str | None = None,
) -> HttpResponse:
    """The view of a screen's dialogs, chosen by `slug`. Raises Http404 for an unknown one."""
    dialog = next((d for d in model_admin.dialogs if d.slug == slug), None)
    if dialog is not None and dialog.about_new != (object_id is None):
        dialog = None
    return respond(model_admin, request, dialog, object_id, row_id)


def respond(
    model_admin: Any,
    request: HttpRequest,
    dialog: type[Dialog] | None,
    object_id: str | None = None,
    row_id: str | None = None,
) -> HttpResponse:
    """Returns the dialog's page or, after it was carried out, a redirect.

    Raises Http404 or PermissionDenied. For a request of htmx it redirects to a page with a message instead,
    because over a page an error page would be an empty box.
    """
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    try:
        if dialog is None or issubclass(dialog, RowDialog) != (row_id is not None):
            raise Http404
        answer = _answer(model_admin, request, dialog, object_id, row_id)
        return _as_json(request, answer) if _is_in_place(request, dialog) else answer
    except (Http404, PermissionDenied) as missing:
        if dialog is not None and _is_in_place(request, dialog):
            return JsonResponse({"error": _words_for(missing)}, status=409)
        if not from_script(request):
            raise
        messages.warning(request, _words_for(missing))
        opts = model_admin.opts
        about = f"/{opts.app_label}/{opts.model_name}/{object_id}/"
        target = referring_page(request)
        if not target or (about in target and not model_admin.get_object(request, str(object_id))):
            target = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
        return HttpResponseRedirect(target)


def _words_for(missing: Http404 | PermissionDenied) -> str:
    if isinstance(missing, PermissionDenied):
        return NOT_ALLOWED
    return ROW_MISSING if isinstance(missing, RowMissing) else NOT_FOUND


def _is_in_place(request: HttpRequest, dialog: type[Dialog]) -> bool:
    """Whether a script sends a form that is a cell of a table (in_place.js)."""
    return dialog.in_place and request.headers.get("Accept") == "application/json"


def _as_json(request: HttpRequest, answer: HttpResponse) -> JsonResponse:
    """Returns `said`, or `error` with the values that are stored (`now`), instead of a page."""
    if not isinstance(answer, TemplateResponse):
        said = list(messages.get_messages(request))
        words = " ".join(str(message) for message in said)
        done = all(message.level == messages.SUCCESS for message in said)
        return JsonResponse({"said": words} if done else {"error": words}, status=200 if done else 409)
    context = answer.context_data or {}
    form: Dialog = context["form"]
    errors = [str(error) for errors in form.errors.values() for error in errors]
    now = {field.name: str(field.initial) for field in form.visible_fields()}
    return JsonResponse({"error": context["blocked"] or " ".join(errors), "now": now}, status=409)


def _answer(
    model_admin: Any, request: HttpRequest, dialog: type[Dialog], object_id: str | None, row_id: str | None
) -> HttpResponse:
    viewer = viewer_of(request)
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    obj = None if object_id is None else model_admin.get_or_404(request, object_id)
    page = next_url(request) or came_from(request)
    back = page or _default_url(model_admin, dialog, obj)
    if why := _check_may(request, dialog, viewer, obj):
        messages.warning(request, f"{why} {PRESENT}")
        return HttpResponseRedirect(back)
    if obj is not None and not dialog.applies(obj):
        return redirect_not_needed(request, dialog, obj, back)
    row = dialog.rows(obj, viewer).filter(pk=row_id).first() if issubclass(dialog, RowDialog) else None
    if issubclass(dialog, RowDialog):
        if row is None:
            return _row_missing(request, back)
        if why := dialog.row_not_needed(row):
            messages.warning(request, f"{why} {PRESENT}")
            return HttpResponseRedirect(back)
    form = dialog(request.POST if request.method == "POST" else None, viewer=viewer, obj=obj, row=row)
    if "pick" in request.GET and request.method == "GET":
        return picker_results(request, form)
    blocked, confirm = dialog.obstacle(form.target, viewer) or form.without_choice(), ""
    if request.method == "POST" and not blocked:
        try:
            done, form, confirm = process(form)
        except Http404:
            if row is None:
                raise
            return _row_missing(request, back)
        if done is not None:
            done = _over_the_page(request, dialog, done, obj)
            show_messages(request, done)
            return HttpResponseRedirect(done.url or back)
    context: dict[str, Any] = {
        "original": obj,
        "blocked": blocked,
        "alternative": dialog.alternative(form.target, viewer),
        "confirm": confirm,
        "back": back,
        "second_button": dialog.second_button if dialog.may_use_second_button(viewer) else None,
        "over_a_page": from_script(request),
        "kept": [("next", page)] if page and not from_script(request) else [],
    }
    if confirm:
        context |= _confirming(form, context["kept"])
    return render(model_admin, request, form, context)


def _check_may(request: HttpRequest, dialog: type[Dialog], viewer: User, obj: Any) -> str:
    """Returns why nobody may do this now (`Dialog.closed`); empty if the viewer may. Raises PermissionDenied
    when the viewer has no right to it."""
    second = dialog.second_button
    if second is not None and second[0] in request.POST and not dialog.may_use_second_button(viewer):
        raise PermissionDenied
    if dialog.may(viewer, obj):
        return ""
    if why := dialog.closed(obj, viewer):
        return why
    raise PermissionDenied


def _confirming(form: Dialog, kept: list[tuple[str, str]]) -> dict[str, Any]:
    """Returns the context of the step that asks to confirm. It has one button, which does what the pressed
    one says."""
    second = form.second_button
    if second is None or not form.pressed(second[0]):
        return {"second_button": None}
    return {"second_button": None, "submit": second[1], "kept": [*kept, (second[0], "1")]}


def _over_the_page(request: HttpRequest, dialog: type[Dialog], done: Done, obj: Any) -> Done:
    """Returns the result as it is shown over a page: on that page. If the object has another page, or was
    created, the message has a link to it. A dialog that leads elsewhere does so."""
    page = referring_page(request) if from_script(request) else ""
    if dialog.about_new:
        about = done.url
    else:
        about = "" if done.url or obj is None else cells.detail_url(obj, dialog.tab)
    if not page or not about:
        return done
    if urlsplit(page).path == urlsplit(about).path:
        return replace(done, url=page)
    text = format_html('{} <a class="underline" href="{}">{}</a>', done.text, about, OPEN_IT)
    return replace(done, text=text, url=page)


def render(
    model_admin: Any, request: HttpRequest, form: Dialog, context: dict[str, Any], *, picks_at: str = ""
) -> HttpResponse:
    """Returns the page of a dialog. `model_admin` is None when it belongs to no screen of a model. `picks_at`
    is the address where its pickers search, if it is not the dialog's own."""
    form.set_search_url(picks_at or request.path)
    if not context.get("over_a_page") and not context.get("blocked"):
        form.list_choices()
    site = admin.site if model_admin is None else model_admin.admin_site
    context = {
        **site.each_context(request),
        "title": form.title or form.label,
        "opts": model_admin and model_admin.opts,
        "media": form.media if model_admin is None else model_admin.media + form.media,
        "form": form,
        "submit": form.submit or form.label,
        "danger": form.danger,
        "panel": form.panel,
        "text": dict(form.question_inputs)["asked"],
        "asked": form.question_inputs,
        **form.page_context(),
        **context,
    }
    request.current_app = site.name
    return TemplateResponse(request, form.template, context)


def picker_results(request: HttpRequest, form: Any) -> HttpResponse:
    """Returns what one of the form's pickers finds (JSON). Raises Http404 for an unknown picker."""
    parameters = {name: request.GET.get(name, "") for name in ("pick", "term", "page")}
    if (found := form.search_results(parameters, form.viewer)) is None:
        raise Http404
    return found


def redirect_not_needed(request: HttpRequest, dialog: type[Dialog], obj: Any, back: str) -> HttpResponse:
    """Redirect with a message that nothing is left to do, with the name of who did it, if known."""
    reason = dialog.why_not_needed(obj) or f"“{dialog.label}” is no longer needed."
    messages.warning(request, f"{reason} {PRESENT}")
    return HttpResponseRedirect(back)


def _row_missing(request: HttpRequest, back: str) -> HttpResponse:
    """Redirect to the object's page with a message that the row is not found. The same for a row that the
    viewer may not see, so that its existence is not revealed."""
    if from_script(request) or "pick" in request.GET:
        raise RowMissing  # `respond` turns it into a redirect for htmx; a picker gets the 404
    messages.warning(request, ROW_MISSING)
    return HttpResponseRedirect(back)


def _default_url(model_admin: Any, dialog: type[Dialog], obj: Any) -> str:
    if obj is None:
        opts = model_admin.opts
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return cells.detail_url(obj, dialog.tab)
