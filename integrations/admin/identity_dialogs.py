"""Dialogs about protected accounts: does a Thinkific account belong to the same person, which address is the
login?"""

from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest

from core import acting
from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.lists.filters import key_of
from core.admin.kit.sync.sync_line import follows
from core.admin.kit.viewer import viewer_of
from core.errors import Refusal
from core.models import User
from core.permissions import scope
from core.services import identity
from core.wording import listed, plural
from integrations.models import SyncConflict
from integrations.thinkific import identities

Kind, Resolution = SyncConflict.Kind, SyncConflict.Resolution
SHOWN = 12  # the most conflicts to show messages about


def account_of(conflict: SyncConflict) -> User | None:
    return User.objects.select_related("global_role").filter(pk=conflict.object_id).first()


def who_gains_what(conflict: SyncConflict) -> str:
    """Returns a sentence: who would get which rights if the decision is wrong."""
    user = account_of(conflict)
    if user is None:
        return f"{conflict.label} no longer exists here."
    rights = identity.describe_rights(user)
    who = f"{user}, who is {listed(rights)}" if rights else str(user)
    if conflict.kind == Kind.LINK:
        return f"Whoever controls Thinkific account {conflict.thinkific_id} would be treated as {who}."
    return (
        f"Whoever reads the mail of {conflict.theirs} could choose a new password and sign in as {who}: the "
        "address is the login."
    )


class SettlingDialog(Dialog):
    """For viewers who manage the sync of the whole site and may change the account of the conflict."""

    @classmethod
    def may(cls, viewer: User, obj: SyncConflict) -> bool:
        if not scope.holds_for_the_site(viewer, "integrations.change_syncconflict"):
            return False
        user = account_of(obj) if obj.entity == "user" else None
        return user is None or scope.may_change_account(viewer, user)


class OpenConflict(SettlingDialog):
    """For conflicts that nobody has settled yet."""

    @classmethod
    def why_not_needed(cls, obj: SyncConflict) -> str:
        return obj.settled_in_words()

    def locks(self) -> User | None:
        """The account is locked, so that its value cannot change while the dialog is carried out."""
        return account_of(self.obj) if self.obj.entity == "user" else None


class DecisionDialog(OpenConflict):
    """Contains the shown account and address, because a pull may change them while the dialog is open."""

    in_own_name = acting.AGREEMENT
    kind: ClassVar[str]
    shown = forms.CharField(widget=forms.HiddenInput(), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shown"].initial = _values(self.obj)

    @classmethod
    def applies(cls, obj: SyncConflict) -> bool:
        return obj.kind == cls.kind and obj.settled_at is None

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("shown") != _values(self.obj):
            raise forms.ValidationError(
                f"This has changed since you opened it: now it is Thinkific account {self.obj.thinkific_id} "
                f"with {self.obj.theirs}, before it was account {values.get('shown')}. Close this and check "
                "again."
            )
        return values

    @property
    def login(self) -> str:
        """Returns the user's present address in the dashboard."""
        user = account_of(self.obj)
        return self.obj.ours if user is None else user.email


def _values(conflict: SyncConflict) -> str:
    return f"{conflict.thinkific_id} {conflict.theirs}"


class Link(DecisionDialog):
    slug, label, icon, danger, kind = "link", "Link the Two", "link", True, Kind.LINK

    def text(self) -> str:
        return (
            f"{who_gains_what(self.obj)} After linking, the name comes from Thinkific, and the enrollments "
            "and results of that account are shown for this user. The login does not change."
        )

    def carry_out(self) -> Done:
        user = identities.link(self.obj, by=self.viewer)
        return Done(
            f"{user} is linked with Thinkific account {self.obj.thinkific_id}. Its data comes with the next "
            "full sync of people, enrollments and results."
        )


class KeepApart(DecisionDialog):
    slug, label, icon, kind = "keep-apart", "Keep Them Apart", "link_off", Kind.LINK

    def text(self) -> str:
        return (
            f"{self.obj.label} stays without an account in Thinkific, and Thinkific account "
            f"{self.obj.thinkific_id} without one here: its enrollments and results are not shown. This "
            "decision is kept until somebody opens the question again. Waiting changes of this user are "
            "discarded."
        )

    def carry_out(self) -> Done:
        user = identities.keep_apart(self.obj, by=self.viewer)
        return Done(f"{user} and Thinkific account {self.obj.thinkific_id} are kept apart.")


class KeepAddress(DecisionDialog):
    slug, label, icon, kind = "keep-address", "Keep the Dashboard's Address", "cloud_upload", Kind.EMAIL

    def text(self) -> str:
        return (
            f"{self.login} stays the login, and replaces {self.obj.theirs} in Thinkific account "
            f"{self.obj.thinkific_id}."
        )

    def carry_out(self) -> Done:
        user = identities.keep_address(self.obj, by=self.viewer)
        return Done(follows(user, self.viewer, f"{user} keeps {user.email}."))


class TakeAddress(DecisionDialog):
    slug, label, icon, kind = "take-address", "Take Thinkific's Address", "cloud_download", Kind.EMAIL
    danger = True

    def text(self) -> str:
        login = self.login
        return (
            f"{who_gains_what(self.obj)} {self.obj.theirs} replaces {login} at once. All sessions end, "
            f"links to set a password no longer work, and {login} gets a notice."
        )

    def carry_out(self) -> Done:
        user = identities.take_address(self.obj, by=self.viewer)
        return Done(f"{user} signs in with {user.email} from now on. The former address gets a notice.")


class AskAgain(SettlingDialog):
    slug, label, icon = "ask-again", "Ask Again", "undo"

    @classmethod
    def applies(cls, obj: SyncConflict) -> bool:
        return obj.kind == Kind.LINK and obj.settled_at is not None and obj.resolution == Resolution.APART

    def text(self) -> str:
        return (
            f"{self.obj.label} and Thinkific account {self.obj.thinkific_id} were kept apart. This opens the "
            "question again. Nothing else changes."
        )

    def carry_out(self) -> Done:
        identities.ask_again(self.obj, by=self.viewer)
        return Done(
            f"The question whether {self.obj.label} has Thinkific account {self.obj.thinkific_id} is open "
            "again."
        )


class KeepOurs(ChosenDialog):
    """The safe decision for several conflicts: nobody gets more rights by it."""

    slug, action = "keep-ours", "keep_ours_selected"
    label, submit, danger = "Keep apart, keep the dashboard's address", "Decide", True
    in_transaction = False  # each conflict is decided by itself
    in_own_name = acting.AGREEMENT

    permission = "integrations.change_syncconflict"

    @classmethod
    def of(cls, rows: QuerySet) -> QuerySet:
        return rows.filter(settled_at__isnull=True, kind__in=SyncConflict.IDENTITY)

    @classmethod
    def warn(cls, request: HttpRequest, rows: QuerySet) -> None:
        warn_about_settled(request)

    def lines(self) -> dict[int, str]:
        """Returns the decision for each conflict, by primary key, with both present values."""
        people = User.objects.filter(pk__in={one.object_id for one in self.chosen})
        logins, said = dict(people.values_list("pk", "email")), {}
        for one in self.chosen:
            login, account = logins.get(one.object_id, one.ours), f"Thinkific account {one.thinkific_id}"
            if one.kind == Kind.LINK:
                said[one.pk] = f"{one.label} ({login}) and {account} ({one.theirs}) are kept apart."
            else:
                said[one.pk] = f"{one.label}: {login} stays, and replaces {one.theirs} in {account}."
        return said

    def text(self) -> str:
        apart = sum(conflict.kind == Kind.LINK for conflict in self.chosen)
        addresses = len(self.chosen) - apart
        return (
            f"{plural(apart, 'account')} here will stay without an account in Thinkific, until somebody "
            f"opens the question again. {plural(addresses, 'login')} will not change, and will replace "
            "Thinkific's address there. Other conflicts stay open."
        )

    def carry_out(self) -> Done:
        count, left = 0, []
        for conflict in self.chosen:
            if not SettlingDialog.may(self.viewer, conflict):
                left.append(f"{conflict.label}: you may not change this account.")
                continue
            keep = identities.keep_apart if conflict.kind == Kind.LINK else identities.keep_address
            try:
                keep(conflict, by=self.viewer)
                count += 1
            except Refusal as refusal:
                left.append(str(refusal))
        more = [f"{len(left) - SHOWN:,} more could not be decided."] if len(left) > SHOWN else []
        return Done(f"Decided {plural(count, 'conflict')}.", warnings=[*left[:SHOWN], *more])


def warn_about_settled(request: HttpRequest) -> None:
    """Show a message for each chosen conflict that another user settled in the meantime."""
    keys = [key_of(value) for value in request.POST.getlist(ACTION_CHECKBOX_NAME)]
    settled = SyncConflict.objects.filter(pk__in=[key for key in keys if key], settled_at__isnull=False)
    for conflict in settled.select_related("settled_by").exclude(settled_by=viewer_of(request))[:SHOWN]:
        messages.warning(request, conflict.settled_in_words())


IDENTITY_DIALOGS = (Link, KeepApart, KeepAddress, TakeAddress, AskAgain)
