"""The base classes of dialogs: a form that is answered by POST and carried out by a service.

One dialog is one class: its fields, who may use it, its texts, and what it does (`carry_out`). It is declared
in the `dialogs.py` of its screen; `answering.py` has the views.
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import acting
from core.admin.kit.dialogs.pickers import PickingForm
from core.admin.kit.dialogs.shown_values import ShownValues
from core.admin.kit.dialogs.stale_question import normalized
from core.email_display import as_people_write
from core.errors import Refusal
from core.models import Team, User
from core.permissions import scope


@dataclass(frozen=True)
class Done:
    """The result of a dialog: the message (empty: none), and where to redirect to (empty: the object's
    page)."""

    text: str | SafeString
    url: str = ""
    is_warning: bool = False
    warnings: Sequence[str] = ()  # further messages
    # Called with the request once all is committed, for what only a request can do: who is signed in.
    then: Callable[[HttpRequest], None] | None = None


class Dialog(ShownValues, PickingForm):
    """A dialog about the object of a page (`obj`), or one that creates an object (`about_new`).

    The class says where the dialog is offered and who may use it. An instance is the form for one viewer and
    one object, as it is shown or sent.
    """

    slug: ClassVar[str]  # in its URL
    label: ClassVar[str]  # of the buttons that lead to it
    title: ClassVar[str] = ""  # the heading; empty: the label
    question: ClassVar[str] = ""  # the text, if it is always the same
    submit: ClassVar[str] = ""  # label of its submit button; empty: the label
    permission: ClassVar[str] = ""  # the permission for the whole site that it needs: see `may`
    code: ClassVar[str] = ""  # or the permission that the viewer's role in a team must have
    in_all_teams: ClassVar[bool] = False  # the viewer must hold `code` in all teams
    tab: ClassVar[str] = ""  # the tab of the object's page where it is offered
    in_page: ClassVar[bool] = False  # its form or its button stands in the page: none above it
    in_place: ClassVar[bool] = False  # its form is a cell; a script gets the answer as JSON (in_place.js)
    icon: ClassVar[str] = ""
    danger: ClassVar[bool] = False
    panel: ClassVar[bool] = False  # over a page it opens at the right edge, with the height of the window
    about_new: ClassVar[bool] = False  # it creates an object
    second_button: ClassVar[tuple[str, str] | None] = None  # name and label
    offered_when_blocked: ClassVar[bool] = True  # False: no button, because the page says why not
    # The field beside which a refusal of this kind is shown; others are shown above the fields.
    refused_at: ClassVar[dict[type[Refusal], str]] = {}
    # Field -> the sentence instead of a form with nothing to choose in it; {obj} is the object of the page.
    no_choice: ClassVar[dict[str, str]] = {}
    shows_stored: ClassVar[bool] = False  # whether fields show stored values of the object or the row
    # What is refused while somebody acts as the viewer, in a sentence; empty: it is allowed (core/acting.py).
    in_own_name: ClassVar[str] = ""
    in_transaction: ClassVar[bool] = True  # False: its parts are carried out one by one
    template: ClassVar[str] = "admin/dashboard/dialog.html"

    def __init__(
        self, data: Any = None, *, viewer: User, obj: Any = None, row: Any = None, chosen: Sequence[Any] = ()
    ) -> None:
        super().__init__(data, auto_id=self.auto_ids())
        self.viewer = viewer
        self.obj = obj
        self.row = row  # the row of a tab (RowDialog)
        self.chosen = chosen  # the rows of a list (ChosenDialog)

    # --- who may use it, and when -------------------------------------------------------------------

    @classmethod
    def may(cls, viewer: User, obj: Any) -> bool:
        """Whether the viewer may use the dialog for this object. `obj` is None when the dialog creates one,
        and when a picker searches: then whether the viewer may use it for any object."""
        if cls.in_all_teams:
            return cls.code in scope.codes_everywhere(viewer)
        if cls.code:
            return scope.holds(viewer, cls.code)
        return bool(cls.permission) and scope.holds_for_the_site(viewer, cls.permission)

    @classmethod
    def closed(cls, obj: Any, viewer: User) -> str:
        """Returns why nobody may use it for this object now, though the viewer has the right to: its team was
        archived. Empty when the right is missing."""
        if not isinstance(obj, Team) or obj.archived_at is None:
            return ""
        before = copy(obj)
        before.archived_at = None
        said = f"{obj} is archived. Nothing was changed. An administrator can restore it."
        return said if cls.may(viewer, before) else ""

    @classmethod
    def may_now(cls, viewer: User, obj: Any) -> bool:
        """Whether the viewer gets a button: as `may`, but not while somebody acts as the viewer and it is
        done in one's own name only. Its page, which says so, stays."""
        return not (cls.in_own_name and acting.current()) and cls.may(viewer, obj)

    @classmethod
    def may_use_second_button(cls, viewer: User) -> bool:
        """Whether the viewer gets the second button."""
        return True

    @classmethod
    def applies(cls, obj: Any) -> bool:
        """Whether there is anything to do to the page's object. If not, there is no button, and a request
        gets the message of `why_not_needed`."""
        return True

    @classmethod
    def why_not_needed(cls, obj: Any) -> str:
        """Returns why nothing is left to do, if that is known: who did it before, and how."""
        return ""

    @classmethod
    def blocked(cls, target: Any, viewer: User) -> str:
        """Returns why it cannot be done to the object or row now. It is shown instead of the form."""
        return ""

    @classmethod
    def alternative(cls, target: Any, viewer: User) -> tuple[str, str] | None:
        """Returns the URL and label of a link to another dialog that helps when this one is blocked."""
        return None

    @classmethod
    def auto_ids(cls) -> str:
        """Returns the pattern for the ids of the form's inputs."""
        return "id_%s"

    # --- the question -------------------------------------------------------------------------------

    @property
    def target(self) -> Any:
        """Returns the row, or the page's object if there is none."""
        return self.obj if self.row is None else self.row

    def text(self) -> str:
        """Returns the text of the question. If it has changed when the form is sent, nothing is done."""
        return self.question

    def facts(self) -> str:
        """Returns further values, in words, that must not have changed when the form is sent."""
        return ""

    @cached_property
    def question_inputs(self) -> list[tuple[str, str]]:
        """Returns names and values of the hidden inputs that hold the question."""
        words = {"asked": self.text(), "asked_of": self.facts()}
        return [(name, as_people_write(str(said))) for name, said in words.items()]

    def confirmation(self) -> str:
        """Returns effects that the dialog has not shown yet, for the viewer to confirm before it is carried
        out; empty when there are none. Called for a valid form."""
        return ""

    def page_context(self) -> dict[str, Any]:
        """Returns more context, for a dialog with its own template."""
        return {}

    def offer(self, name: str, queryset: QuerySet, *, now: int | None = None) -> None:
        """Set the choices of a field. `now` is the stored key. It is a choice even if the viewer could not
        choose it; otherwise a browser would send the first choice instead."""
        field = self.fields[name]
        assert isinstance(field, forms.ModelChoiceField)
        if now is not None:
            field.initial = now
            wider = queryset.model._default_manager.filter(Q(pk__in=queryset.values("pk")) | Q(pk=now))
            queryset = wider.order_by(*queryset.query.order_by)
        field.queryset = queryset

    def without_choice(self) -> str:
        """Returns why the form cannot be filled in: a field that is needed has no choice for this viewer.
        Empty if there are some. A form that was sent is compared with all that its fields accept, so that
        who comes second gets the message of the form."""
        for name, field in self.fields.items():
            if isinstance(field, forms.ModelChoiceField) and field.required:
                rows = field.queryset if self.is_bound else self.offered.get(name, field.queryset)
                if rows is not None and not rows.exists():
                    said = self.no_choice.get(name, f"You have no choice here for “{field.label}”.")
                    return said.format(obj=self.obj)
        return ""

    # --- carrying it out ----------------------------------------------------------------------------

    def carry_out(self) -> Done:
        """Call the service, in the viewer's name. Raises Refusal."""
        raise NotImplementedError

    def locks(self) -> Model | None:
        """Returns the row to lock before the form is validated again and carried out: every writer of the
        values that the form shows locks it first. None when it shows no stored values."""
        return self.target if self.shows_stored else None

    def reloaded(self) -> "Dialog":
        """Returns a new form with the sent data and the values that are stored now."""
        return type(self)(self._sent_data, viewer=self.viewer, obj=self.obj, row=self.row, chosen=self.chosen)

    @classmethod
    def obstacle(cls, target: Any, viewer: User) -> str:
        """Returns why it cannot be done now: `blocked`, or because somebody acts as the viewer."""
        return (cls.in_own_name and acting.obstacle(cls.in_own_name)) or cls.blocked(target, viewer)

    def pressed(self, name: str) -> bool:
        """Whether the form was sent by its second button."""
        return name in self.data

    def is_confirmed(self) -> bool:
        """Whether the viewer has confirmed the present text of `confirmation`, or there is none."""
        return normalized(self.data.get("confirmed", "")) == normalized(self.confirmation())

    def nothing_changed(self) -> Done:
        """Returns the result for a form that was sent as it was shown. The service is not called."""
        return Done("Nothing was changed.")

    def refuse(self, refusal: Refusal) -> None:
        kinds = (kind for kind in type(refusal).__mro__ if kind in self.refused_at)
        field = next((self.refused_at[kind] for kind in kinds), None)
        self.add_error(field, as_people_write(str(refusal)))


class RowDialog(Dialog):
    """A dialog about a row (`row`) in a tab of the object's page."""

    in_row: ClassVar[str] = ""  # what its button in the row says; empty: its label

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet:
        """Returns the rows for which the viewer may use it."""
        raise NotImplementedError

    @classmethod
    def row_not_needed(cls, row: Any) -> str:
        """Returns why nothing is left to do about a row; empty while there is."""
        return ""

    @classmethod
    def offered_for(cls, rows: QuerySet) -> QuerySet:
        """Returns those of `rows` that get a button. The dialog of others says why it is blocked."""
        return rows

    @classmethod
    def why_not(cls, row: Any, viewer: User, *, is_among_rows: bool) -> tuple[str, str]:
        """Returns why a row of the tab has no button, in a few words and in sentences, for the row's cell;
        empty: nothing is said. `is_among_rows`: whether `rows` contains it."""
        return "", ""


def url_of(opts: Any, slug: str, *keys: int) -> str:
    """Returns the URL of a dialog for the object, or its row, with these primary keys."""
    name = ("do_new", "do", "do_row")[len(keys)]
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{name}", args=[*keys[:1], slug, *keys[1:]])


def button(url: str, label: str, *, icon: str = "", css: str = "d-button") -> SafeString:
    """Returns a link that opens a dialog over the page; without scripts the dialog is a separate page."""
    shown_icon = format_html('<span class="material-symbols-outlined">{}</span>', icon) if icon else ""
    return format_html(
        '<a class="{}" href="{}" hx-get="{}" hx-target="#modal-content" hx-select="#dialog"'
        ' hx-sync="#modal-content:drop">{}{}</a>',
        css,
        url,
        url,
        shown_icon,
        label,
    )
