"""What can be done to somebody's account: profile and login, password, home team, Thinkific account."""

import structlog

from core.admin.kit.dialogs.dialog import Dialog, DialogForm, Done
from core.admin.users.dialogs.fields import HomeTeamForm, ProfileForm
from core.models import EmailChange, User
from core.permissions import scope
from core.services import identity, people
from core.services.accounts import account_mail, email_changes, sign_in

log = structlog.get_logger(__name__)
AT_ONCE = "e-mail changed at once, without a confirmation"


def _edit(user: User, form: ProfileForm) -> Done:
    values = dict(form.cleaned_data)
    email, at_once = values.pop("email"), values.pop("at_once", False)
    saved = people.update_user(user, by=form.viewer, **values)
    said = f"{saved} is saved."
    if email != saved.email and at_once:
        old = saved.email
        saved = email_changes.change_at_once(saved, email, by=form.viewer, reason=AT_ONCE)
        said += f" The login is {saved.email} now, and every session has ended. {old} is told by mail."
    elif change := email_changes.ask(saved, email, by=form.viewer):
        said += (
            f" A confirmation mail goes to {change.new_email}. Until the link in it is used, "
            f"{saved.email} stays the login."
        )
    return Done(said)


def _send_again(user: User, form: DialogForm) -> Done:
    change = email_changes.send_again(user, by=form.viewer)
    return Done(f"Another confirmation mail goes to {change.new_email}.")


def _withdraw(user: User, form: DialogForm) -> Done:
    change = email_changes.withdraw(user)
    return Done(f"The change to {change.new_email} is withdrawn: links sent for it no longer work.")


def waiting_change(user: User) -> EmailChange | None:
    """The change of the address that waits; asked once for a page, which shows it and has buttons for it."""
    if not hasattr(user, "_waiting_change"):
        user._waiting_change = email_changes.pending(user)  # type: ignore[attr-defined]
    return user._waiting_change  # type: ignore[attr-defined]


def _waits(user: User) -> bool:
    return waiting_change(user) is not None


def _may_reset(viewer: User, user: User) -> bool:
    # Passwords are out of reach for somebody who acts as another.
    acting = getattr(viewer, "is_hijacked", False)
    return user.is_active and not acting and scope.may_change_account(viewer, user)


def _reset(user: User, form: DialogForm) -> Done:
    account_mail.ask_for_password_reset(user, by=form.viewer)
    return Done(f"A link to choose a new password goes to {user.email}. The old one works until it is used.")


def _change_home_team(user: User, form: HomeTeamForm) -> Done:
    team = form.cleaned_data["team"]
    people.change_home_team(user, team=team, by=form.viewer)
    if team is None:
        return Done(f"{user} has no home team now: only administrators change the account.")
    return Done(f"{team} is the home team of {user} now: its managers may change the account.")


def _unlock(user: User, form: DialogForm) -> Done:
    sign_in.unlock(user)
    log.info("User %s unlocked the sign-in of user %s", form.viewer.pk, user.pk)
    return Done(f"{user} can sign in again at once.")


def may_create_account(viewer: User, user: User) -> bool:
    return user.is_active and scope.may_change_account(viewer, user)


def what_of_one_that_is_there(user: User) -> str:
    if identity.is_protected(user):
        return (
            f"If one has this e-mail already, it is not linked, because {user} has rights or a password: "
            "an administrator decides under Conflicts."
        )
    return "If one has this e-mail already, it is linked instead."


def _create_account(user: User, form: DialogForm) -> Done:
    people.create_thinkific_account(user, by=form.viewer)
    return Done(f"{user} gets a Thinkific account.")


ACCOUNT_DIALOGS = (
    Dialog(
        "edit",
        "Edit Profile",
        submit="Save",
        may=scope.may_change_account,
        work=_edit,
        form=ProfileForm,
        icon="edit",
        text=lambda user: (
            "Name and e-mail are changed in Thinkific too. The e-mail is the login: a new one counts once it "
            "is confirmed by a link that is sent to it, and the old one is told."
        ),
    ),
    Dialog(
        "email-change-again",
        "Send Confirmation Again",
        may=scope.may_change_account,
        applies=_waits,
        work=_send_again,
        icon="forward_to_inbox",
        text=lambda user: "Sends the link that confirms the new address once more, to the new address.",
    ),
    Dialog(
        "email-change-withdraw",
        "Withdraw New Address",
        may=scope.may_change_account,
        applies=_waits,
        work=_withdraw,
        icon="undo",
        text=lambda user: f"{user.email} stays the login. Links that were sent no longer work.",
    ),
    Dialog(
        "reset-password",
        "Reset Password",
        may=_may_reset,
        work=_reset,
        icon="lock_reset",
        text=lambda user: f"Sends {user.email} a link to choose a new password.",
    ),
    Dialog(
        "home-team",
        "Home Team",
        submit="Save",
        may=lambda viewer, user: "users.edit" in scope.codes_everywhere(viewer),
        work=_change_home_team,
        form=HomeTeamForm,
        icon="home",
        text=lambda user: (
            f"Managers of the home team may change {user}'s name, e-mail address and password, where their "
            "role lets them. Managers of other teams never may."
        ),
    ),
    Dialog(
        "unlock-sign-in",
        "Unlock Sign-in",
        submit="Unlock",
        may=_may_reset,
        applies=sign_in.is_locked,
        work=_unlock,
        icon="lock_open",
        text=lambda user: (
            f"Too many wrong passwords were tried for {user.email}, by {user} or by somebody else. Until "
            "they are forgotten, sign-in works only where it worked before. Unlock it if you know who tried."
        ),
    ),
    Dialog(
        "create-thinkific-account",
        "Create Thinkific Account",
        may=may_create_account,
        applies=lambda user: user.thinkific_id is None or user.removed_at is not None,
        work=_create_account,
        icon="person_add",
        text=lambda user: (
            f"Makes an account for {user.email} in Thinkific. {what_of_one_that_is_there(user)}"
        ),
    ),
)
