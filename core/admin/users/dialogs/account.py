"""Dialogs about a user's account: profile and login, password, home team, Thinkific account."""

from typing import Any

import structlog
from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from core import acting
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import switch
from core.admin.users.dialogs.fields import email_field, name_field
from core.errors import NotInTheirName
from core.folding import normalize_email
from core.models import EmailChange, Team, User
from core.permissions import scope
from core.services import identity, people
from core.services.accounts import account_mail, email_changes, sign_in, sign_in_links
from core.services.people import EmailTaken, NotAnAddress, OwnsTeams

log = structlog.get_logger(__name__)
NAMES_ONLY = "Their e-mail address is out of reach meanwhile; the name is changed in Thinkific too."
AT_ONCE = "e-mail changed at once, without a confirmation"


def waiting_change(user: User) -> EmailChange | None:
    """Returns the unconfirmed change of the user's e-mail address, or None. Cached on the user."""
    if not hasattr(user, "_waiting_change"):
        user._waiting_change = email_changes.pending(user)  # type: ignore[attr-defined]
    return user._waiting_change  # type: ignore[attr-defined]


class AccountDialog(Dialog):
    @classmethod
    def may(cls, viewer: User, obj: User) -> bool:
        return scope.may_change_account(viewer, obj)


class EditProfile(AccountDialog):
    slug, label, submit, icon = "edit", "Edit Profile", "Save", "edit"
    question = (
        "Name and e-mail are changed in Thinkific too. The e-mail is the login. A new one must first be "
        "confirmed by a link that is sent to it; the old one gets a notice."
    )
    shows_stored = True
    refused_at = {
        EmailTaken: "email",
        NotAnAddress: "email",
        NotInTheirName: "email",
        OwnsTeams: "is_active",
    }
    first_name = name_field("First name")
    last_name = name_field("Last name")
    email = email_field()
    is_active = switch(
        "Account is active",
        "If switched off, the user cannot sign in. Enrollments in Thinkific do not change.",
    )
    at_once = switch(
        "Change the e-mail at once, without a confirmation mail",
        "Only if you know that the address belongs to this person.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("first_name", "last_name", "email", "is_active"):
            self.fields[name].initial = getattr(self.obj, name)
        if self.obj == self.viewer:
            del self.fields["is_active"]  # users must not lock themselves out
        if acting.current():  # the address is the login, which the person decides about
            del self.fields["email"]
        if acting.current() or not self.viewer.sees_everything:
            del self.fields["at_once"]

    def text(self) -> str:
        return acting.obstacle(NAMES_ONLY) or self.question

    def clean_email(self) -> str:
        return normalize_email(self.cleaned_data["email"])

    def clean(self) -> dict[str, Any]:
        """Refuse an address from a form that was opened before the impersonation began."""
        values = super().clean() or self.cleaned_data
        sent = "" if "email" in self.fields else str(self.data.get("email", ""))
        if sent and normalize_email(sent) != self.obj.email:
            raise forms.ValidationError(acting.obstacle())
        return values

    def carry_out(self) -> Done:
        values = dict(self.cleaned_data)
        email, at_once = values.pop("email", ""), values.pop("at_once", False)
        saved = people.update_user(self.obj, by=self.viewer, **values)
        said = f"{saved} is saved."
        if not email:
            return Done(said)
        if email != saved.email and at_once:
            old = saved.email
            saved = email_changes.change_at_once(saved, email, by=self.viewer, reason=AT_ONCE)
            said += f" The login is {saved.email} now, and all sessions have ended. {old} gets a notice."
        elif change := email_changes.ask(saved, email, by=self.viewer):
            said += (
                f" A confirmation mail goes to {change.new_email}. {saved.email} stays the login until the "
                "link in the mail is used."
            )
        return Done(said)


class EmailChangeDialog(AccountDialog):
    """For users with an unconfirmed new address."""

    in_own_name = acting.SECRETS

    @classmethod
    def applies(cls, obj: User) -> bool:
        return waiting_change(obj) is not None


class SendConfirmationAgain(EmailChangeDialog):
    slug, label, icon = "email-change-again", "Send Confirmation Again", "forward_to_inbox"
    question = "Sends the confirmation link to the new address again."

    def carry_out(self) -> Done:
        change = email_changes.send_again(self.obj, by=self.viewer)
        return Done(f"Another confirmation mail goes to {change.new_email}.")


class WithdrawNewAddress(EmailChangeDialog):
    slug, label, icon = "email-change-withdraw", "Withdraw New Address", "undo"

    def text(self) -> str:
        return f"{self.obj.email} stays the login. Links that were sent before no longer work."

    def carry_out(self) -> Done:
        change = email_changes.withdraw(self.obj)
        return Done(f"The change to {change.new_email} is withdrawn. Its links no longer work.")


class SignInDialog(Dialog):
    in_own_name = acting.SECRETS

    @classmethod
    def may(cls, viewer: User, obj: User) -> bool:
        return obj.is_active and scope.may_change_account(viewer, obj)


class ResetPassword(SignInDialog):
    slug, label, icon = "reset-password", "Reset Password", "lock_reset"

    def text(self) -> str:
        return f"Sends {self.obj.email} a link to choose a new password."

    def carry_out(self) -> Done:
        account_mail.ask_for_password_reset(self.obj, by=self.viewer)
        return Done(
            f"A link to choose a new password goes to {self.obj.email}. The old password works until the "
            "link is used."
        )


class SendSignInLink(SignInDialog):
    slug, label, icon = "send-sign-in-link", "Send Sign-in Link", "forward_to_inbox"

    @classmethod
    def may(cls, viewer: User, obj: User) -> bool:
        return super().may(viewer, obj) and sign_in_links.are_on()

    def text(self) -> str:
        return f"Sends {self.obj.email} a link that signs in once, within 15 minutes. Nobody else gets it."

    def carry_out(self) -> Done:
        sign_in_links.ask_for(self.obj, by=self.viewer)
        return Done(f"A link to sign in goes to {self.obj.email}. It works once, for 15 minutes.")


class UnlockSignIn(SignInDialog):
    slug, label, submit, icon = "unlock-sign-in", "Unlock Sign-in", "Unlock", "lock_open"

    @classmethod
    def applies(cls, obj: User) -> bool:
        return sign_in.is_locked(obj)

    def text(self) -> str:
        return (
            f"Too many wrong passwords were tried for {self.obj.email}, by {self.obj} or by somebody else. "
            "For a while, sign-in works only from where it worked before. Unlock it if you know who tried."
        )

    def carry_out(self) -> Done:
        sign_in.unlock(self.obj)
        log.info("User %s unlocked the sign-in of user %s", self.viewer.pk, self.obj.pk)
        return Done(f"{self.obj} can sign in again at once.")


class HomeTeam(Dialog):
    slug, label, submit, icon = "home-team", "Home Team", "Save", "home"
    code, in_all_teams = "users.edit", True
    shows_stored = True
    team = forms.ModelChoiceField(
        label="Home team",
        queryset=Team.objects.none(),
        required=False,
        empty_label="None: only administrators may change the account",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "Choose one of the person's teams."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("team", Team.objects.filter(memberships__user=self.obj), now=self.obj.home_team_id)

    def text(self) -> str:
        return (
            f"Managers of the home team may change {self.obj}'s name, e-mail address and password, if "
            "their role allows it. Managers of other teams may not."
        )

    def carry_out(self) -> Done:
        user, team = self.obj, self.cleaned_data["team"]
        people.change_home_team(user, team=team, by=self.viewer)
        if team is None:
            return Done(f"{user} has no home team now. Only administrators may change the account.")
        return Done(f"{team} is the home team of {user} now. Its managers may change the account.")


class CreateThinkificAccount(Dialog):
    slug, label, icon = "create-thinkific-account", "Create Thinkific Account", "person_add"

    @classmethod
    def may(cls, viewer: User, obj: User) -> bool:
        return obj.is_active and scope.may_change_account(viewer, obj)

    @classmethod
    def applies(cls, obj: User) -> bool:
        return obj.thinkific_id is None or obj.removed_at is not None

    def text(self) -> str:
        said = f"Creates an account for {self.obj.email} in Thinkific."
        if identity.is_protected(self.obj):
            return (
                f"{said} If an account has this e-mail already, it is not linked, because {self.obj} has "
                "rights or a password. Then an administrator decides under Conflicts."
            )
        return f"{said} If an account has this e-mail already, it is linked instead."

    def carry_out(self) -> Done:
        people.create_thinkific_account(self.obj, by=self.viewer)
        return Done(f"{self.obj} gets a Thinkific account.")


ACCOUNT_DIALOGS = (
    EditProfile,
    SendConfirmationAgain,
    WithdrawNewAddress,
    ResetPassword,
    SendSignInLink,
    HomeTeam,
    UnlockSignIn,
    CreateThinkificAccount,
)
