"""Dialogs that are drawn together with their page, as a <dialog> that a button of it opens. Their answer goes
by POST to an address of its own."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from core.admin.kit.dialogs.answering import drawn, is_over
from core.admin.kit.dialogs.carrying_out import say, taken
from core.admin.kit.dialogs.dialog import Dialog
from core.admin.kit.dialogs.htmx import from_script
from core.admin.kit.viewer import viewer_of


class PageDialog(Dialog):
    """A question about what a page shows (`obj`). Include `admin/dashboard/page_dialog.html` with it as
    `form`; the page's button has `data-dialog` with its `element`."""

    keep: ClassVar[str] = "Cancel"  # of the button that leaves all as it is
    notes: ClassVar[str] = ""  # a template with what stands below the fields

    @classmethod
    def element(cls) -> str:
        """Returns the id of the <dialog>."""
        return cls.slug

    @classmethod
    def auto_ids(cls) -> str:
        return f"{cls.element()}_%s"

    @classmethod
    def is_offered(cls, obj: Any) -> bool:
        """Whether the page draws it."""
        return cls.applies(obj)

    def heading(self) -> str:
        return self.title or self.label

    def post_url(self) -> str:
        """Returns where the answer goes."""
        raise NotImplementedError

    @property
    def drawn_as(self) -> dict[str, Any]:
        """For the template, where the form's own name of a field would come first."""
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
    """The dialogs that a page draws for this person."""
    viewer = viewer_of(request)
    return [d(viewer=viewer, obj=obj) for d in dialogs if d.is_offered(obj) and d.may(viewer, obj)]


def answer_in_page(
    dialog: type[PageDialog],
    request: HttpRequest,
    obj: Any = None,
    *,
    back: str,
    model_admin: Any = None,
    page: Callable[[PageDialog], HttpResponse] | None = None,
) -> HttpResponse:
    """What came of an answer. Where something is in the way, the dialog says so: in its page, which `page`
    draws with this form, or else as a page of its own."""
    viewer = viewer_of(request)
    if not dialog.may(viewer, obj):
        raise PermissionDenied
    if not dialog.applies(obj):
        return is_over(request, dialog, obj, back)
    form: Any
    done, form, _ = taken(dialog(request.POST, viewer=viewer, obj=obj))
    if done is not None:
        say(request, done)
        return HttpResponseRedirect(done.url or back)
    if page is not None:
        return page(form)
    if from_script(request):
        return TemplateResponse(request, "admin/dashboard/page_dialog.html", {"form": form})
    return drawn(model_admin, request, form, {"title": form.heading(), "back": back})
