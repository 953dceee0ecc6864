"""Deciding about a protected account: whether one in Thinkific is its person's, and which address counts."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms

from core.admin.kit.dialogs.dialog import Dialog, DialogForm, Done
from core.admin.kit.sync.sync_line import follows
from core.errors import Refusal
from core.models import User
from core.permissions import scope
from core.services import identity
from core.wording import listed
from integrations.models import SyncConflict
from integrations.thinkific import identities

Kind, Resolution = SyncConflict.Kind, SyncConflict.Resolution
Decide = Callable[..., User]


def account_of(conflict: SyncConflict) -> User | None:
    return User.objects.select_related("global_role").filter(pk=conflict.object_id).first()


def login_of(conflict: SyncConflict) -> str:
    """The address here by now."""
    user = account_of(conflict)
    return conflict.ours if user is None else user.email


def may_settle(viewer: User, conflict: SyncConflict) -> bool:
    """Who manages the sync of the whole site, and may change the account that it is about."""
    if not scope.holds_for_the_site(viewer, "integrations.change_syncconflict"):
        return False
    user = account_of(conflict) if conflict.entity == "user" else None
    return user is None or scope.may_change_account(viewer, user)


def who_gains_what(conflict: SyncConflict) -> str:
    """What a wrong decision would give away, in one sentence."""
    user = account_of(conflict)
    if user is None:
        return f"{conflict.label} is no longer here."
    standing = identity.standing(user)
    who = f"{user}, who is {listed(standing)}" if standing else str(user)
    if conflict.kind == Kind.LINK:
        return f"Whoever controls Thinkific account {conflict.thinkific_id} would be treated as {who}."
    return (
        f"Whoever reads the mail of {conflict.theirs} could choose a new password and sign in as {who}: the "
        "address is the login."
    )


class SettlingForm(DialogForm):
    """The account is locked before the two values are looked at for the last time."""

    def locks(self) -> User | None:
        return account_of(self.obj) if self.obj.entity == "user" else None


class DecisionForm(SettlingForm):
    """Holds what the page showed: a pull may find another account or address while somebody thinks."""

    shown = forms.CharField(widget=forms.HiddenInput(), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shown"].initial = _facts(self.obj)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("shown") != _facts(self.obj):
            raise forms.ValidationError(
                f"It has changed since this was shown: Thinkific account {self.obj.thinkific_id} with "
                f"{self.obj.theirs} now; it was account {values.get('shown')}. Close this, and look again."
            )
        return values


def _facts(conflict: SyncConflict) -> str:
    return f"{conflict.thinkific_id} {conflict.theirs}"


def _is_open(kind: str) -> Callable[[SyncConflict], bool]:
    return lambda conflict: conflict.kind == kind and conflict.settled_at is None


def _link(conflict: SyncConflict, form: DialogForm) -> Done:
    user = identities.link(conflict, by=form.viewer)
    said = (
        f"{user} is linked with Thinkific account {conflict.thinkific_id}. What Thinkific has of them comes "
    )
    return Done(f"{said}with the next full sync of people, enrollments and results.")


def _keep_apart(conflict: SyncConflict, form: DialogForm) -> Done:
    user = identities.keep_apart(conflict, by=form.viewer)
    return Done(f"{user} and Thinkific account {conflict.thinkific_id} are kept apart.")


def _keep_address(conflict: SyncConflict, form: DialogForm) -> Done:
    user = identities.keep_address(conflict, by=form.viewer)
    return Done(follows(user, form.viewer, f"{user} keeps {user.email}."))


def _take_address(conflict: SyncConflict, form: DialogForm) -> Done:
    user = identities.take_address(conflict, by=form.viewer)
    return Done(f"{user} signs in with {user.email} from now on. The address before is told by mail.")


def _ask_again(conflict: SyncConflict, form: DialogForm) -> Done:
    identities.ask_again(conflict, by=form.viewer)
    return Done(f"It is open again whether {conflict.label} has Thinkific account {conflict.thinkific_id}.")


IDENTITY_DIALOGS = (
    Dialog(
        "link",
        "Link the Two",
        may=may_settle,
        applies=_is_open(Kind.LINK),
        work=_link,
        form=DecisionForm,
        over=SyncConflict.settled_in_words,
        icon="link",
        danger=True,
        text=lambda conflict: (
            f"{who_gains_what(conflict)} Their name comes from Thinkific from then on, and the enrollments "
            "and results there are shown as theirs. The login stays as it is."
        ),
    ),
    Dialog(
        "keep-apart",
        "Keep Them Apart",
        may=may_settle,
        applies=_is_open(Kind.LINK),
        work=_keep_apart,
        form=DecisionForm,
        over=SyncConflict.settled_in_words,
        icon="link_off",
        text=lambda conflict: (
            f"{conflict.label} stays without an account in Thinkific, and Thinkific account "
            f"{conflict.thinkific_id} without one here: its enrollments and results are not shown. This is "
            "remembered until somebody asks again. Changes of theirs that wait to be sent are given up."
        ),
    ),
    Dialog(
        "keep-address",
        "Keep the Dashboard's Address",
        may=may_settle,
        applies=_is_open(Kind.EMAIL),
        work=_keep_address,
        form=DecisionForm,
        over=SyncConflict.settled_in_words,
        icon="cloud_upload",
        text=lambda conflict: (
            f"{login_of(conflict)} stays the login, and replaces {conflict.theirs} in Thinkific account "
            f"{conflict.thinkific_id}."
        ),
    ),
    Dialog(
        "take-address",
        "Take Thinkific's Address",
        may=may_settle,
        applies=_is_open(Kind.EMAIL),
        work=_take_address,
        form=DecisionForm,
        over=SyncConflict.settled_in_words,
        icon="cloud_download",
        danger=True,
        text=lambda conflict: (
            f"{who_gains_what(conflict)} {conflict.theirs} replaces {login_of(conflict)} at once. Every "
            f"session and every link to set a password ends, and {login_of(conflict)} is told by mail."
        ),
    ),
    Dialog(
        "ask-again",
        "Ask Again",
        may=may_settle,
        applies=lambda conflict: (
            conflict.kind == Kind.LINK
            and conflict.settled_at is not None
            and conflict.resolution == Resolution.APART
        ),
        work=_ask_again,
        icon="undo",
        text=lambda conflict: (
            f"{conflict.label} and Thinkific account {conflict.thinkific_id} were kept apart. The question "
            "is opened again; nothing else changes."
        ),
    ),
)


def what_keeping_ours_does(conflicts: Iterable[SyncConflict]) -> dict[int, str]:
    """Of each conflict, by primary key, with both values as they are now."""
    conflicts = list(conflicts)
    logins = dict(User.objects.filter(pk__in={c.object_id for c in conflicts}).values_list("pk", "email"))
    said = {}
    for one in conflicts:
        login, account = logins.get(one.object_id, one.ours), f"Thinkific account {one.thinkific_id}"
        if one.kind == Kind.LINK:
            said[one.pk] = f"{one.label} ({login}) and {account} ({one.theirs}) are kept apart."
        else:
            said[one.pk] = f"{one.label}: {login} stays, and replaces {one.theirs} in {account}."
    return said


def keep_ours(conflicts: Iterable[SyncConflict], *, by: User) -> tuple[int, list[str]]:
    """Settle several the safe way: accounts are kept apart, addresses stay. Returns how many, and why others
    were left."""
    count, left = 0, []
    for conflict in conflicts:
        if not may_settle(by, conflict):
            left.append(f"{conflict.label}: you may not change this account.")
            continue
        keep = identities.keep_apart if conflict.kind == Kind.LINK else identities.keep_address
        try:
            keep(conflict, by=by)
            count += 1
        except Refusal as refusal:
            left.append(str(refusal))
    return count, left
