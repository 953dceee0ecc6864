"""Dialogs whose HTML is part of a page, as a <dialog> that a button opens. The form has its own URL."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from core.admin.kit.dialogs.answering import redirect_not_needed, render
from core.admin.kit.dialogs.carrying_out import process, show_messages
from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.dialogs.htmx import from_script
from core.admin.kit.viewer import viewer_of


class PageDialog(Dialog):
    """A dialog about what a page shows (`obj`). The page includes `admin/dashboard/page_dialog.html` with it
    as `form`, and has a button with `data-dialog` set to its `element`."""

    keep: ClassVar[str] = "Cancel"  # label of the button that closes it
    notes: ClassVar[str] = ""  # a template to show below the fields

    @classmethod
    def element(cls) -> str:
        """Returns the id of the <dialog>."""
        return cls.slug

    @classmethod
    def auto_ids(cls) -> str:
        return f"{cls.element()}_%s"

    @classmethod
    def is_offered(cls, obj: Any) -> bool:
        """Whether the page contains it."""
        return cls.applies(obj)

    def heading(self) -> str:
        return self.title or self.label

    def post_url(self) -> str:
        """Returns the URL that the form is sent to."""
        raise NotImplementedError

    @property
    def template_values(self) -> dict[str, Any]:
        """Returns the values for the template. In templates `form.name` would find a field of that name
        first."""
        return {
            "element": self.element(),
            "heading": self.heading(),
            "text": self.text(),
            "address": self.post_url(),
            "keep": self.keep,
            "submit": self.submit or self.label,
            "danger": self.danger,
            "notes": self.notes,
        }


def offered(dialogs: tuple[type[PageDialog], ...], request: HttpRequest, obj: Any) -> list[PageDialog]:
    """Returns the dialogs of a page that the viewer may use."""
    viewer = viewer_of(request)
    return [d(viewer=viewer, obj=obj) for d in dialogs if d.is_offered(obj) and d.may_now(viewer, obj)]


def answer_in_page(
    dialog: type[PageDialog],
    request: HttpRequest,
    obj: Any = None,
    *,
    back: str,
    model_admin: Any = None,
    page: Callable[[PageDialog], HttpResponse] | None = None,
) -> HttpResponse:
    """Carry out a dialog that was sent, and redirect to `back` or to the result's URL.

    If the form has errors, it is shown again: in its page, rendered by `page`, or on a separate page.
    """
    viewer = viewer_of(request)
    if not dialog.may(viewer, obj):
        raise PermissionDenied
    if not dialog.applies(obj):
        return redirect_not_needed(request, dialog, obj, back)
    form: Any
    done, form, _ = process(dialog(request.POST, viewer=viewer, obj=obj))
    if done is not None:
        show_messages(request, done)
        return HttpResponseRedirect(done.url or back)
    if page is not None:
        return page(form)
    if from_script(request):
        return TemplateResponse(request, "admin/dashboard/page_dialog.html", {"form": form})
    return render(model_admin, request, form, {"title": form.heading(), "back": back})
