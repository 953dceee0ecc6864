"""Dialogs: a question about one object, answered by POST, carried out by a service.

Each has an address of its own, which works as a page; a button opens it over the page that it is on. The
address asks the same as the button: may this person do this, to this object, to this row of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.dialogs.asking import as_sent, asks
from core.admin.kit.dialogs.carrying_out import carry_out
from core.admin.kit.dialogs.htmx import asked_back, from_script, page_behind
from core.admin.kit.dialogs.pickers import PickingForm
from core.admin.kit.dialogs.shown_values import ShownValues
from core.admin.kit.viewer import viewer_of
from core.email_display import as_people_write
from core.errors import Refusal
from core.models import User

GONE = "What this was about is no longer here. This is how it stands now."
CLOSED = "You may no longer do this. This is how it stands now."


class DialogForm(ShownValues, PickingForm):
    """What a dialog asks. `obj` is the page's object, `part` the row of one of its tabs."""

    # Beside which field a refusal is shown; others stand above the fields.
    refused_at: ClassVar[dict[type[Refusal], str]] = {}
    shows_stored: ClassVar[bool] = False  # whether fields begin with what is stored of the object or the row

    def __init__(self, data: Any = None, *, viewer: User, obj: Any = None, part: Any = None) -> None:
        super().__init__(data)
        self.viewer = viewer
        self.obj = obj
        self.part = part

    def offer(self, name: str, queryset: QuerySet, *, now: int | None = None) -> None:
        """What a field takes. `now` is the key that is stored: shown too where it is not for this person to
        choose, or a browser would send the first choice in its place."""
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        if now is not None:
            field.initial = now
            wider = queryset.model._default_manager.filter(Q(pk__in=queryset.values("pk")) | Q(pk=now))
            queryset = wider.order_by(*queryset.query.order_by)
        field.queryset = queryset

    def locks(self) -> Model | None:
        """What is locked while the form is looked at for the last time and carried out: all writers of what
        the form shows lock it first. Nothing where it shows nothing: the service has its own order."""
        return (self.part or self.obj) if self.shows_stored else None

    def again(self) -> "DialogForm":
        """The form as it was sent, over what is stored now."""
        return type(self)(self._as_sent, viewer=self.viewer, obj=self.obj, part=self.part)

    def pressed(self, name: str) -> bool:
        """Whether the form was sent by its second button."""
        return name in self.data

    def to_confirm(self) -> str:
        """What it will do that was not to be seen before: said once more, and done when it is confirmed.
        Asked of a form that is valid."""
        return ""

    def is_confirmed(self) -> bool:
        """Whether what it will do now is what was confirmed."""
        return as_sent(self.data.get("confirmed", "")) == as_sent(self.to_confirm())

    def nothing_changed(self) -> "Done":
        """What is said where a form was sent as it was shown: the service is not asked at all."""
        return Done("Nothing was changed.")

    def refuse(self, refusal: Refusal) -> None:
        self.add_error(self.refused_at.get(type(refusal)), as_people_write(str(refusal)))


@dataclass(frozen=True)
class Done:
    """What to say afterwards, and where to go when that is not the object's page."""

    text: str | SafeString
    url: str = ""


@dataclass(frozen=True)
class Dialog:
    slug: str
    label: str  # of the buttons
    # May this person do it to the page's object. None stands for one that is still to be made, and, where the
    # form has pickers, for any: their search asks without an object.
    may: Callable[[User, Any], bool]
    work: Callable[[Any, Any], Done]  # of the object (or the row), with the form
    text: Callable[[Any], str] = lambda target: ""
    # Whether there is anything to do to the object: no button otherwise, and a second click is told so.
    applies: Callable[[Any], bool] = lambda obj: True
    # Why it cannot be done as things stand, to the object or the row: said instead of asked.
    blocked: Callable[[Any, User], str] = lambda target, viewer: ""
    offered_when_blocked: bool = True  # off: the page says why not, so that there is no button for it
    # Address and label of what helps where it is blocked.
    instead: Callable[[Any, User], tuple[str, str] | None] = lambda target, viewer: None
    form: type[DialogForm] = DialogForm
    submit: str = ""  # what its own button says, where that is something else
    tab: str = ""  # where on the page it is offered
    # The rows of the tab that this person may do it to, for a dialog about rows.
    parts: Callable[[Any, User], QuerySet] | None = None
    # Those of them that it can work for: the others have no button, and are told why.
    offered_for: Callable[[QuerySet], QuerySet] = lambda rows: rows
    icon: str = ""
    also: tuple[str, str] | None = None  # name and label of a second button
    may_also: Callable[[User], bool] = lambda viewer: True  # may this person press it
    # What the answer is bound to besides the words of `text`, in words.
    facts: Callable[[Any], str] = lambda target: ""
    # Why there is nothing to do to the object any more, where that can be told: who was first, and how.
    over: Callable[[Any], str] = lambda obj: ""
    danger: bool = False
    about_new: bool = False  # it makes an object: there is none yet


def url_of(opts: Any, slug: str, *keys: int) -> str:
    name = ("do_new", "do", "do_part")[len(keys)]
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=[*keys[:1], slug, *keys[1:]])


def button(url: str, label: str, *, icon: str = "", css: str = "d-button") -> SafeString:
    """A link to a dialog that opens over the page; without scripts the dialog is a page of its own."""
    drawn = format_html('<span class="material-symbols-outlined">{}</span>', icon) if icon else ""
    return format_html(
        '<a class="{}" href="{}" hx-get="{}" hx-target="#modal-content" hx-select="#dialog"'
        ' hx-sync="#modal-content:drop">{}{}</a>',
        css,
        url,
        url,
        drawn,
        label,
    )


def answer(
    model_admin: Any,
    request: HttpRequest,
    slug: str,
    object_id: str | None = None,
    part_id: str | None = None,
) -> HttpResponse:
    """A dialog's page, or what came of it. A dialog over a page that is no longer there, or no longer this
    person's, leads to the page, which says so: there an error page would be an empty box."""
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    try:
        return _answer(model_admin, request, slug, object_id, part_id)
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
    model_admin: Any, request: HttpRequest, slug: str, object_id: str | None, part_id: str | None
) -> HttpResponse:
    viewer, dialog = viewer_of(request), _found(model_admin, slug, object_id, part_id)
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    obj = None if object_id is None else model_admin.get_or_404(request, object_id)
    if not dialog.may(viewer, obj):
        raise PermissionDenied
    also = _second_button(dialog, viewer, request)
    back = asked_back(request) or _back(model_admin, dialog, obj)
    if obj is not None and not dialog.applies(obj):
        over = dialog.over(obj) or f"“{dialog.label}” is no longer needed here."
        messages.warning(request, f"{over} This is how it stands now.")
        return HttpResponseRedirect(back)
    part = None if dialog.parts is None else dialog.parts(obj, viewer).filter(pk=part_id).first()
    if dialog.parts is not None and part is None:
        return _gone(request, back)
    target = obj if part is None else part
    form = dialog.form(request.POST if request.method == "POST" else None, viewer=viewer, obj=obj, part=part)
    if "pick" in request.GET and request.method == "GET":
        return _choices(form, request, viewer)
    blocked = dialog.blocked(target, viewer)
    confirm = ""
    if request.method == "POST" and not blocked and form.is_valid() and not form.is_confirmed():
        confirm = form.to_confirm()
    elif request.method == "POST" and not blocked and form.is_valid():
        try:
            done, form = carry_out(dialog, form)
        except Http404:
            if part is None:
                raise
            return _gone(request, back)
        if done is not None:
            messages.success(request, done.text)
            return HttpResponseRedirect(done.url or back)
    form.pick_from(request.path)
    context = {
        "form": form,
        "original": obj,
        "blocked": blocked,
        "instead": dialog.instead(target, viewer),
        "confirm": confirm,
        "text": dialog.text(target),
        "asked": asks(dialog, target),
        "back": back,
        "also": also,
        "over_a_page": from_script(request),
    }
    return _render(model_admin, request, dialog, context)


def _choices(form: DialogForm, request: HttpRequest, viewer: User) -> HttpResponse:
    """What one of the form's pickers finds."""
    asked = {name: request.GET.get(name, "") for name in ("pick", "term", "page")}
    if (choices := form.picked(asked, viewer)) is None:
        raise Http404
    return choices


def _gone(request: HttpRequest, back: str) -> HttpResponse:
    """The row is no longer there, or not for this: its page is, and says so. Of a row that was never this
    person's to see the answer is the same."""
    if from_script(request) or "pick" in request.GET:
        raise Http404  # answered by the page behind; to a picker as to anything that it cannot search
    messages.warning(request, GONE)
    return HttpResponseRedirect(back)


def _found(model_admin: Any, slug: str, object_id: str | None, part_id: str | None) -> Dialog:
    dialog = next((d for d in model_admin.dialogs if d.slug == slug), None)
    if dialog is None or dialog.about_new != (object_id is None):
        raise Http404
    if (dialog.parts is None) != (part_id is None):
        raise Http404
    return dialog


def _second_button(dialog: Dialog, viewer: User, request: HttpRequest) -> tuple[str, str] | None:
    """What this person may press besides the first one; who may not, may not send it either."""
    if dialog.also is None or dialog.may_also(viewer):
        return dialog.also
    if dialog.also[0] in request.POST:
        raise PermissionDenied
    return None


def _render(
    model_admin: Any, request: HttpRequest, dialog: Dialog, extra_context: dict[str, Any]
) -> HttpResponse:
    context = {
        **model_admin.admin_site.each_context(request),
        "title": dialog.label,
        "opts": model_admin.opts,
        "dialog": dialog,
        "media": model_admin.media + extra_context["form"].media,
        **extra_context,
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, "admin/dashboard/dialog.html", context)


def _back(model_admin: Any, dialog: Dialog, obj: Any) -> str:
    if obj is None:
        opts = model_admin.opts
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return cells.detail_url(obj, dialog.tab)
