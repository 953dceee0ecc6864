"""Conflicts: both sides changed the same field; one value won, and here is the other."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from unfold.decorators import action, display

from core.admin.kit import cells
from core.admin.kit.dialogs.confirming import ask, confirmed
from core.admin.kit.dialogs.dialog import Dialog, DialogForm, Done, button, url_of
from core.admin.kit.lists.filters import ChoiceFilter, key_of
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.sync.sync_line import follows
from core.admin.kit.viewer import viewer_of
from core.models import User
from core.wording import plural
from integrations.admin.identity_dialogs import (
    IDENTITY_DIALOGS,
    SettlingForm,
    keep_ours,
    may_settle,
    what_keeping_ours_does,
)
from integrations.admin.identity_page import SHOWN, both_people
from integrations.models import SyncConflict
from integrations.thinkific import conflicts


class SettledFilter(ChoiceFilter):
    title = "state"
    parameter_name = "settled"
    choices_offered = (("no", "Open"), ("yes", "Settled"))

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(settled_at__isnull=value == "no")


class KindFilter(ChoiceFilter):
    title = "kind"
    parameter_name = "kind"
    choices_offered = tuple(SyncConflict.Kind.choices)

    def matching(self, queryset: QuerySet, value: str, viewer: User) -> QuerySet:
        return queryset.filter(kind=value)


def _is_open(conflict: SyncConflict) -> bool:
    return conflict.settled_at is None and not conflict.is_identity


def _kept_ours(conflict: SyncConflict) -> bool:
    return conflict.resolution == SyncConflict.Resolution.KEPT_OURS


def _what_theirs_does(conflict: SyncConflict) -> str:
    now = conflicts.standing(conflict)
    said = f"“{conflict.theirs}” replaces “{now.ours}” in the dashboard."
    if now.ours != conflict.ours:
        said += f" The dashboard had “{conflict.ours}” when the two differed."
    return said + _heard_since(conflict, now)


def _what_ours_does(conflict: SyncConflict) -> str:
    now = conflicts.standing(conflict)
    said = f"“{conflict.ours}” replaces “{now.ours}” here and in Thinkific."
    if now.ours != conflict.theirs:
        said += f" Both had “{conflict.theirs}” when it was decided."
    return said + _heard_since(conflict, now)


def _heard_since(conflict: SyncConflict, now: conflicts.Standing) -> str:
    return "" if now.theirs == conflict.theirs else f" Thinkific had “{now.theirs}” since then."


def _take_theirs(conflict: SyncConflict, form: DialogForm) -> Done:
    conflicts.take_theirs(conflict, by=form.viewer)
    return Done(f"{conflict}: “{conflict.theirs}” stands now, here as in Thinkific.")


def _take_ours(conflict: SyncConflict, form: DialogForm) -> Done:
    conflicts.take_ours(conflict, by=form.viewer)
    said = f"{conflict}: “{conflict.ours}” stands now."
    user = User.objects.filter(pk=conflict.object_id).first()
    return Done(follows(user, form.viewer, said) if user else said)


CONFLICT_DIALOGS = (
    Dialog(
        "take-theirs",
        "Take Thinkific's Value",
        may=may_settle,
        applies=lambda conflict: _is_open(conflict) and _kept_ours(conflict),
        work=_take_theirs,
        form=SettlingForm,
        over=SyncConflict.settled_in_words,
        icon="cloud_download",
        text=_what_theirs_does,
    ),
    Dialog(
        "take-ours",
        "Take the Dashboard's Value",
        may=may_settle,
        applies=lambda conflict: _is_open(conflict) and not _kept_ours(conflict),
        work=_take_ours,
        form=SettlingForm,
        over=SyncConflict.settled_in_words,
        icon="cloud_upload",
        text=_what_ours_does,
    ),
)


# Above the two columns of values stands whose they are.
IN_A_ROW = {"take-theirs": "Take Thinkific's", "take-ours": "Take ours"}


@admin.register(SyncConflict)
class SyncConflictAdmin(SitewideAdmin):
    list_display = [
        "object",
        "what",
        "dashboard_value",
        "thinkific_value",
        "happened",
        "state_and_outcome",
        "todo",
    ]
    list_filter = [SettledFilter, KindFilter]
    search_fields = ["folded"]
    search_help_text = "Search by the object's name"
    ordering = ["-id"]
    actions = ["settle_selected", "keep_ours_selected"]
    dialogs = (*CONFLICT_DIALOGS, *IDENTITY_DIALOGS)
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
        "When somebody changes a field here and somebody else changes it in Thinkific before the two have "
        "met, the value that lost is kept here. Here you also decide about people who have rights or a "
        "password: whether a Thinkific account is theirs, and which address is their login."
    )

    def get_object(self, request: HttpRequest, object_id: Any, from_field: Any = None) -> Any:
        """Its page and its dialogs call the person by their name as it is now."""
        conflict = super().get_object(request, object_id, from_field)
        if conflict is not None and conflict.entity == "user":
            person = User.objects.filter(pk=conflict.object_id).first()
            conflict.called = str(person) if person else ""
        return conflict

    def has_settle_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.sees(request, "change")

    @action(description="Mark as settled", permissions=["settle"])
    def settle_selected(self, request: HttpRequest, queryset: QuerySet[SyncConflict]) -> None:
        is_open = queryset.filter(settled_at__isnull=True)
        undecided = is_open.filter(kind__in=SyncConflict.IDENTITY).count()
        count = is_open.filter(kind=SyncConflict.Kind.VALUE).update(
            settled_at=timezone.now(), settled_by=request.user
        )
        self._say_what_others_settled(request)
        if count or not undecided:
            messages.success(request, f"Settled {plural(count, 'conflict')}. No data changed.")
        if undecided:
            messages.warning(
                request,
                f"{undecided} of them need{'s' if undecided == 1 else ''} a decision and stayed open: whose "
                "account it is, or which address is the login. Open each, or keep the dashboard's side.",
            )

    @action(description="Keep apart, keep the dashboard's address", permissions=["settle"])
    def keep_ours_selected(
        self, request: HttpRequest, queryset: QuerySet[SyncConflict]
    ) -> HttpResponse | None:
        """The safe decision for several: nobody gains anything by it."""
        chosen = list(queryset.filter(settled_at__isnull=True, kind__in=SyncConflict.IDENTITY))
        rows = what_keeping_ours_does(chosen)
        apart = sum(conflict.kind == SyncConflict.Kind.LINK for conflict in chosen)
        addresses = len(chosen) - apart
        text = (
            f"{plural(apart, 'account')} here would stay without an account in "
            "Thinkific, which is remembered until somebody asks again. "
            f"{plural(addresses, 'login')} would stay as here, and replace "
            "Thinkific's address there. Other conflicts stay as they are."
        )
        self._say_what_others_settled(request)
        if rows and not confirmed(request, text=text, rows=rows):
            title = "Keep apart, keep the dashboard's address"
            return ask(self, request, title=title, label="Decide", text=text, rows=rows)
        count, left = keep_ours(chosen, by=viewer_of(request))
        messages.success(request, f"Decided {plural(count, 'conflict')}.")
        for why in left[:SHOWN]:
            messages.warning(request, why)
        return None

    def _say_what_others_settled(self, request: HttpRequest) -> None:
        """Of the chosen: the list of open ones no longer has them."""
        keys = [key_of(value) for value in request.POST.getlist(ACTION_CHECKBOX_NAME)]
        settled = SyncConflict.objects.filter(pk__in=[key for key in keys if key], settled_at__isnull=False)
        for conflict in settled.select_related("settled_by").exclude(settled_by=viewer_of(request))[:SHOWN]:
            messages.warning(request, conflict.settled_in_words())

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None or not obj.is_identity:
            return self.fields
        return ["both_people", "what", "outcome", "run", "happened", "state", "settled", "who_settled"]

    @display(description="Are they the same person?")
    def both_people(self, conflict: SyncConflict) -> SafeString:
        return both_people(conflict)

    @display(description="Object")
    def object(self, conflict: SyncConflict) -> SafeString:
        return cells.text(conflict.label)

    @display(description="Field", ordering="field")
    def what(self, conflict: SyncConflict) -> str:
        return capfirst(conflict.what)

    @display(description="In the dashboard")
    def dashboard_value(self, conflict: SyncConflict) -> SafeString:
        return cells.text(conflict.ours)

    @display(description="In Thinkific")
    def thinkific_value(self, conflict: SyncConflict) -> SafeString:
        if conflict.kind == SyncConflict.Kind.LINK:
            return cells.text(f"Account {conflict.thinkific_id}, {conflict.theirs}")
        return cells.text(conflict.theirs)

    @display(description="What stayed")
    def outcome(self, conflict: SyncConflict) -> str:
        if conflict.is_identity and conflict.settled_at is None:
            return "Nothing was changed; it waits for a decision"
        return capfirst(str(SyncConflict.Resolution(conflict.resolution).label))

    @display(description="When")
    def happened(self, conflict: SyncConflict) -> SafeString:
        return cells.moment(conflict.created_at)

    @display(description="Settled by")
    def who_settled(self, conflict: SyncConflict) -> SafeString:
        return cells.done_by(conflict, "settled_by")

    @display(description="Settled")
    def settled(self, conflict: SyncConflict) -> SafeString:
        return cells.moment(conflict.settled_at, empty="Not yet")

    @display(description="State")
    def state(self, conflict: SyncConflict) -> SafeString:
        return (
            cells.pill("Open", "warning") if conflict.settled_at is None else cells.pill("Settled", "quiet")
        )

    @display(description="State")
    def state_and_outcome(self, conflict: SyncConflict) -> SafeString:
        return cells.with_second(self.state(conflict), self.outcome(conflict))

    @display(description="Actions")
    def todo(self, conflict: SyncConflict) -> SafeString:
        if conflict.is_identity:  # not to be decided without a look at both people
            link = format_html('<a href="{}">Decide</a>', cells.detail_url(conflict))
            return cells.actions([link] if conflict.settled_at is None else [])
        return cells.actions(
            [
                button(url_of(self.opts, dialog.slug, conflict.pk), IN_A_ROW[dialog.slug], css="")
                for dialog in CONFLICT_DIALOGS
                if dialog.applies(conflict)
            ]
        )
