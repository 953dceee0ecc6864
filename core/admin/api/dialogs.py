"""Dialogs about tokens of the REST API: making one, and revoking it."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from core import acting, moments
from core.admin.kit import cells, shown_once
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import day_input
from core.models import ApiToken
from core.services.api import tokens
from core.services.api.scopes import SCOPES


class AddToken(Dialog):
    slug, label, submit, icon, about_new = "create-token", "Create Token", "Create", "key", True
    permission = "core.add_apitoken"
    in_own_name = acting.SECRETS
    panel = True
    question = (
        "The token acts in your name: it can do what you may do, and no more than its scopes say. It works "
        "until it ends, is revoked, or your account is switched off. It is shown once."
    )
    name = forms.CharField(
        label="Name",
        max_length=tokens.NAME_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        help_text="What will use it, for example “Shop”.",
        error_messages={"required": "A token needs a name."},
    )
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        required=False,
        choices=[(code, f"{words} ({code})") for code, words in SCOPES.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        help_text="None chosen: everything that you may do. Writing includes reading.",
        error_messages={"invalid_choice": "There is no such scope."},
    )
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        widget=day_input(latest=moments.LAST_DAY),
        help_text="The token ends at the end of this day. Empty: it does not end.",
        error_messages={"invalid": "Enter a day as YYYY-MM-DD."},
    )

    def carry_out(self) -> Done:
        last_day = self.cleaned_data["expires_on"]
        if last_day is not None and last_day > moments.LAST_DAY:
            last_day = moments.LAST_DAY
        token, secret = tokens.issue(
            user=self.viewer,
            name=self.cleaned_data["name"],
            scopes=self.cleaned_data["scopes"],
            expires_at=moments.end_of(last_day),
        )
        words = f"Your new token {token}. Copy it now: it is stored nowhere and not shown again."
        then = shown_once.kept(token, secret, words)
        return Done(f"The token {token} is made.", cells.detail_url(token), then=then)


class RevokeToken(Dialog):
    slug, label, icon, danger = "revoke-token", "Revoke", "key_off", True
    permission = "core.delete_apitoken"
    in_own_name = acting.SECRETS

    @classmethod
    def applies(cls, obj: Any) -> bool:
        return isinstance(obj, ApiToken) and obj.revoked_at is None

    @classmethod
    def why_not_needed(cls, obj: Any) -> str:
        return f"The token {obj} was revoked already."

    def text(self) -> str:
        return (
            f"What uses the token {self.obj} ({self.obj.prefix}…) is refused from now on. This cannot be "
            "undone; a new token can be made."
        )

    def carry_out(self) -> Done:
        return Done(f"The token {tokens.revoke(self.obj)} is revoked.")


TOKEN_DIALOGS = (AddToken, RevokeToken)
