"""The screen Conflicts: fields that both sides have changed, and decisions about protected accounts."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.decorators import action

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Done, button, url_of
from core.admin.kit.exports.screens import ExportingAdmin
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.sync.sync_line import follows
from core.admin.kit.viewer import viewer_of
from core.models import User
from core.models.fields.history import done_by
from core.pills import pill
from core.wording import one_or_many, plural
from integrations.admin.identity_dialogs import (
    IDENTITY_DIALOGS,
    KeepOurs,
    OpenConflict,
    warn_about_settled,
)
from integrations.admin.identity_page import both_people
from integrations.models import SyncConflict
from integrations.thinkific import conflicts

Resolution = SyncConflict.Resolution


class ValueDialog(OpenConflict):
    """A dialog about a field with two values. It can still apply the value that was not kept."""

    stayed: ClassVar[str]  # the earlier decision for which it is offered

    @classmethod
    def applies(cls, obj: SyncConflict) -> bool:
        is_open = obj.settled_at is None and not obj.is_identity
        return is_open and (obj.resolution == Resolution.KEPT_OURS) == (cls.stayed == Resolution.KEPT_OURS)


class TakeTheirs(ValueDialog):
    slug, label, icon = "take-theirs", "Take Thinkific's Value", "cloud_download"
    stayed = Resolution.KEPT_OURS

    def text(self) -> str:
        now = conflicts.current_values(self.obj)
        said = f"“{self.obj.theirs}” replaces “{now.ours}” in the dashboard."
        if now.ours != self.obj.ours:
            said += f" The dashboard had “{self.obj.ours}” when the conflict was found."
        return said + _newer_value(self.obj, now)

    def carry_out(self) -> Done:
        conflicts.take_theirs(self.obj, by=self.viewer)
        return Done(f"{self.obj}: the value is “{self.obj.theirs}” now, here and in Thinkific.")


class TakeOurs(ValueDialog):
    slug, label, icon = "take-ours", "Take the Dashboard's Value", "cloud_upload"
    stayed = Resolution.KEPT_THEIRS

    def text(self) -> str:
        now = conflicts.current_values(self.obj)
        said = f"“{self.obj.ours}” replaces “{now.ours}” here and in Thinkific."
        if now.ours != self.obj.theirs:
            said += f" Both sides had “{self.obj.theirs}” when the conflict was found."
        return said + _newer_value(self.obj, now)

    def carry_out(self) -> Done:
        conflicts.take_ours(self.obj, by=self.viewer)
        said = f"{self.obj}: the value is “{self.obj.ours}” now."
        user = User.objects.filter(pk=self.obj.object_id).first()
        return Done(follows(user, self.viewer, said) if user else said)


def _newer_value(conflict: SyncConflict, now: conflicts.CurrentValues) -> str:
    return "" if now.theirs == conflict.theirs else f" The last value read from Thinkific is “{now.theirs}”."


# Short labels for the list: its columns say which side the values belong to.
LABELS_IN_LIST = {TakeTheirs: "Take Thinkific's", TakeOurs: "Take ours"}


def _theirs(conflict: SyncConflict) -> str:
    if conflict.kind == SyncConflict.Kind.LINK:
        return f"Account {conflict.thinkific_id}, {conflict.theirs}"
    return conflict.theirs


def _outcome(conflict: SyncConflict) -> str:
    if conflict.is_identity and conflict.settled_at is None:
        return "Nothing was changed. Waits for a decision"
    return capfirst(str(SyncConflict.Resolution(conflict.resolution).label))


def _state(conflict: SyncConflict) -> SafeString:
    return pill(_state_text(conflict))


def _state_text(conflict: SyncConflict) -> str:
    return "Open" if conflict.settled_at is None else "Settled"


def _settler(conflict: SyncConflict) -> str:
    return done_by(conflict, "settled_by")


def _todo(conflict: SyncConflict) -> SafeString:
    if conflict.is_identity:  # decided on its page, which compares both people
        link = format_html('<a href="{}">Decide</a>', cells.detail_url(conflict))
        return cells.actions([link] if conflict.settled_at is None else [])
    return cells.actions(
        [
            button(url_of(conflict._meta, dialog.slug, conflict.pk), label, css="")
            for dialog, label in LABELS_IN_LIST.items()
            if dialog.applies(conflict)
        ]
    )


@admin.register(SyncConflict)
class SyncConflictAdmin(SitewideAdmin, ExportingAdmin):
    both_people = column("Are they the same person?", both_people)
    object = column("Object", "label", cells.text)
    what = column("Field", "what", capfirst)
    dashboard_value = column("In the dashboard", "ours", cells.text)
    thinkific_value = column("In Thinkific", _theirs, cells.text)
    outcome = column("What stayed", _outcome)
    happened = column("When", "created_at", cells.moment)
    who_settled = column(
        "Settled by", lambda conflict: cells.done_by(conflict, "settled_by"), in_file=_settler
    )
    settled = column("Settled", "settled_at", cells.moment, empty="Not yet")
    state = column("State", _state)
    state_and_outcome = column(
        "State",
        lambda one: cells.with_second(_state(one), _outcome(one)),
        in_file=[column("State", _state_text), column("What stayed", _outcome)],
    )
    todo = column("Actions", _todo, in_file=())

    list_display = [
        "object",
        "what",
        "dashboard_value",
        "thinkific_value",
        "happened",
        "state_and_outcome",
        "todo",
    ]
    list_filter = [
        choice_filter(
            "settled",
            {
                "no": ("Open", Q(settled_at__isnull=True)),
                "yes": ("Settled", Q(settled_at__isnull=False)),
            },
            title="state",
        ),
        choice_filter("kind"),
    ]
    search_fields = ["folded"]
    search_help_text = "Search by the object's name"
    ordering = ["-id"]
    export_columns = (settled, *who_settled.in_file)
    actions = ["settle_selected", KeepOurs]
    dialogs = (TakeTheirs, TakeOurs, *IDENTITY_DIALOGS)
    fields = [
        "object",
        "what",
        "dashboard_value",
        "thinkific_value",
        "outcome",
        "run",
        "happened",
        "state",
        "settled",
        "who_settled",
    ]
    empty_title = "No conflicts"
    empty_text = (
        "If a field is changed here and in Thinkific before both are synced, one value is used and the other "
        "one is listed here. For people with rights or a password you also decide here whether a Thinkific "
        "account is theirs, and which address is their login."
    )

    def export_rows(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        return queryset.select_related("settled_by")

    def get_object(self, request: HttpRequest, object_id: Any, from_field: Any = None) -> Any:
        """Returns the conflict with the person's present name, for its page and its dialogs."""
        conflict = super().get_object(request, object_id, from_field)
        if conflict is not None and conflict.entity == "user":
            person = User.objects.filter(pk=conflict.object_id).first()
            conflict.called = str(person) if person else ""
        return conflict

    def has_settle_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.sees(request, "change")

    @action(description="Mark as settled", permissions=["settle"])
    def settle_selected(self, request: HttpRequest, queryset: QuerySet[SyncConflict]) -> None:
        count, undecided = conflicts.mark_settled(queryset, by=viewer_of(request))
        warn_about_settled(request)
        if count or not undecided:
            messages.success(request, f"Settled {plural(count, 'conflict')}. No data changed.")
        if undecided:
            messages.warning(
                request,
                f"{undecided} of them {one_or_many(undecided, 'needs', 'need')} a decision and "
                f"{one_or_many(undecided, 'stays', 'stay')} open: whose account it is, or which address is "
                "the login. Open each one, or keep the dashboard's side.",
            )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or not obj.is_identity:
            return self.fields
        return ["both_people", "what", "outcome", "run", "happened", "state", "settled", "who_settled"]
