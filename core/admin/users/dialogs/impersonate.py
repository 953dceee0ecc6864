"""Acting as another user."""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from core.admin.kit import open_pages
from core.admin.kit.dialogs.dialog import Dialog, Done, button, url_of
from core.admin.kit.switching import act
from core.models import Membership, User
from core.permissions.backend import impersonable, may_impersonate
from core.services.accounts import impersonation


class Impersonate(Dialog):
    slug, label, icon = "impersonate", "Impersonate", "switch_account"
    reason = forms.CharField(
        label="Reason",
        required=False,
        max_length=impersonation.LONGEST_REASON,
        help_text="Optional. It is kept in the record, for whoever looks at it later.",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggest("reason", "")  # no stored value: sending it empty changes something too

    @classmethod
    def may(cls, viewer: User, obj: User | None) -> bool:
        return obj is not None and may_impersonate(hijacker=viewer, hijacked=obj)

    def text(self) -> str:
        return (
            f"You are signed in as {self.obj} then and see exactly what they see. What you change is done in "
            "their name, and recorded with yours beside it. Passwords, e-mail addresses and API tokens stay "
            "out of reach. It ends with Leave Impersonation, when you sign out, and after an hour."
        )

    def carry_out(self) -> Done:
        session = impersonation.begin(
            impersonator=self.viewer,
            impersonated=self.obj,
            reason=self.cleaned_data["reason"],
            address=open_pages.client_address(),
        )
        return Done("", reverse("admin:index"), then=partial(act, session=session))


def buttons_for_members(rows: Iterable[Membership], viewer: User) -> dict[int, SafeString]:
    """Returns the buttons for memberships (by primary key) of users whom the viewer may act as."""
    members = {row.pk: row.user_id for row in rows}
    allowed = impersonable(viewer, members.values())
    return {key: _button(user) for key, user in members.items() if user in allowed}


def prepare_buttons(viewer: User, keys: Iterable[int]) -> None:
    """Find out together for which users (primary keys) of a page `button_for` returns a button."""
    if (pages := open_pages.current()) is not None:
        pages.page_cache[Impersonate] = impersonable(viewer, keys)


def button_for(user: User) -> SafeString | str:
    """Returns the button for a row of a list; empty where the viewer may not act as this user."""
    pages = open_pages.current()
    if pages is None or user.pk not in pages.page_cache.get(Impersonate, ()):
        return ""
    return _button(user.pk)


def _button(user: int) -> SafeString:
    return button(url_of(User._meta, Impersonate.slug, user), Impersonate.label, css="")
