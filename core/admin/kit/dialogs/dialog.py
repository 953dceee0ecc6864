"""Dialogs: a question about something, answered by POST and carried out by a service.

One dialog is one class: its fields, who may answer it, its words, and what it does (`carry_out`). It is
declared in the `dialogs.py` of its screen; `answering.py` draws it and takes its answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.kit.dialogs.asking import as_sent
from core.admin.kit.dialogs.pickers import PickingForm
from core.admin.kit.dialogs.shown_values import ShownValues
from core.email_display import as_people_write
from core.errors import Refusal
from core.models import User
from core.permissions import scope


@dataclass(frozen=True)
class Done:
    """What to say after a dialog was carried out, and where to go when that is not the object's page."""

    text: str | SafeString
    url: str = ""
    is_warning: bool = False
    warnings: Sequence[str] = ()  # said besides


class Dialog(ShownValues, PickingForm):
    """A question about the object of a page (`obj`), or about one that does not exist yet (`about_new`).

    The class knows its place and who may answer it. An instance is the form that is drawn or sent, for one
    viewer and one object: it has the words of the question and carries the answer out.
    """

    slug: ClassVar[str]  # in its address
    label: ClassVar[str]  # of the buttons that lead to it
    title: ClassVar[str] = ""  # above the question, where that is not the label
    question: ClassVar[str] = ""  # its words, where they are always the same
    submit: ClassVar[str] = ""  # of its own button, where that is not the label
    permission: ClassVar[str] = ""  # what somebody must hold for the whole site: see `may`
    code: ClassVar[str] = ""  # or what their role in some team must let them do
    tab: ClassVar[str] = ""  # where on the object's page it is offered
    icon: ClassVar[str] = ""
    danger: ClassVar[bool] = False
    about_new: ClassVar[bool] = False  # it makes an object: there is none yet
    also: ClassVar[tuple[str, str] | None] = None  # name and label of a second button
    offered_when_blocked: ClassVar[bool] = True  # off: the page says why not, so that there is no button
    # Beside which field a refusal is shown; others stand above the fields.
    refused_at: ClassVar[dict[type[Refusal], str]] = {}
    shows_stored: ClassVar[bool] = False  # whether fields begin with what is stored of the object or the row
    in_transaction: ClassVar[bool] = True  # off: its parts are carried out one by one
    template: ClassVar[str] = "admin/dashboard/dialog.html"

    def __init__(
        self, data: Any = None, *, viewer: User, obj: Any = None, part: Any = None, chosen: Sequence[Any] = ()
    ) -> None:
        super().__init__(data, auto_id=self.auto_ids())
        self.viewer = viewer
        self.obj = obj
        self.part = part  # the row of a tab (RowDialog)
        self.chosen = chosen  # the rows of a list (ChosenDialog)

    # --- asked of the class -------------------------------------------------------------------------

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        """Whether the viewer may do it to the page's object. `obj` is None for one that does not exist yet
        and, where the form has pickers, for any: their search asks without an object."""
        if cls.code:
            return scope.holds(viewer, cls.code)
        return bool(cls.permission) and scope.holds_for_the_site(viewer, cls.permission)

    @classmethod
    def may_also(cls, viewer: User) -> bool:
        """Whether the viewer may press the second button."""
        return True

    @classmethod
    def applies(cls, obj: Any) -> bool:
        """Whether there is anything to do to the page's object: without, there is no button, and a second
        click is answered by `over`."""
        return True

    @classmethod
    def over(cls, obj: Any) -> str:
        """Returns why nothing is left to do, where that is known: who was first, and how it was settled."""
        return ""

    @classmethod
    def blocked(cls, target: Any, viewer: User) -> str:
        """Returns why it cannot be done to the object or the row as things stand: said instead of asked."""
        return ""

    @classmethod
    def instead(cls, target: Any, viewer: User) -> tuple[str, str] | None:
        """Returns address and label of what helps where it is blocked."""
        return None

    @classmethod
    def auto_ids(cls) -> str:
        """Returns the pattern of the ids of the form's inputs."""
        return "id_%s"

    # --- the question -------------------------------------------------------------------------------

    @property
    def target(self) -> Any:
        """What it is about: the row, or else the page's object."""
        return self.obj if self.part is None else self.part

    def text(self) -> str:
        """Returns the question in words. The answer is bound to them."""
        return self.question

    def facts(self) -> str:
        """Returns what the answer is bound to besides the words of `text`, in words."""
        return ""

    @cached_property
    def asked(self) -> list[tuple[str, str]]:
        """The question as its page carries it: names and values of hidden inputs."""
        words = {"asked": self.text(), "asked_of": self.facts()}
        return [(name, as_people_write(str(said))) for name, said in words.items()]

    def to_confirm(self) -> str:
        """Returns what it will do that was not to be seen before: said once more, and done when it is
        confirmed. Asked of a valid form."""
        return ""

    def page_context(self) -> dict[str, Any]:
        """Returns what a template of its own needs."""
        return {}

    def offer(self, name: str, queryset: QuerySet, *, now: int | None = None) -> None:
        """Set what a field takes. `now` is the key that is stored: shown too where it is not for the viewer
        to choose, or a browser would send the first choice in its place."""
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        if now is not None:
            field.initial = now
            wider = queryset.model._default_manager.filter(Q(pk__in=queryset.values("pk")) | Q(pk=now))
            queryset = wider.order_by(*queryset.query.order_by)
        field.queryset = queryset

    # --- the answer ---------------------------------------------------------------------------------

    def carry_out(self) -> Done:
        """Do it, by a service, in the viewer's name. Raises Refusal."""
        raise NotImplementedError

    def locks(self) -> Model | None:
        """Returns what is locked while the form is looked at for the last time and carried out: all writers
        of what the form shows lock it first. None where it shows nothing: the service has its own order."""
        return self.target if self.shows_stored else None

    def again(self) -> "Dialog":
        """Returns the form as it was sent, over what is stored now."""
        return type(self)(self._as_sent, viewer=self.viewer, obj=self.obj, part=self.part, chosen=self.chosen)

    def pressed(self, name: str) -> bool:
        """Whether the form was sent by its second button."""
        return name in self.data

    def is_confirmed(self) -> bool:
        """Whether what it will do now is what was confirmed."""
        return as_sent(self.data.get("confirmed", "")) == as_sent(self.to_confirm())

    def nothing_changed(self) -> Done:
        """Returns what is said where a form was sent as it was shown: the service is not asked at all."""
        return Done("Nothing was changed.")

    def refuse(self, refusal: Refusal) -> None:
        self.add_error(self.refused_at.get(type(refusal)), as_people_write(str(refusal)))


class RowDialog(Dialog):
    """A question about a row (`part`) of one of the tabs of the page's object."""

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet:
        """Returns the rows of the tab that the viewer may do it to."""
        raise NotImplementedError

    @classmethod
    def offered_for(cls, rows: QuerySet) -> QuerySet:
        """Returns those of `rows` that it can work for: the others have no button, and are told why."""
        return rows


def url_of(opts: Any, slug: str, *keys: int) -> str:
    """Returns the address of a dialog about the object, or the row of it, that has these keys."""
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
