"""Switching single sign-on on and off: on a user's page, and for users chosen in the list."""

from typing import Any, ClassVar

from core.admin.kit.counting import counted
from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.errors import names
from core.models import User
from core.services.opening import obstacles, opening, single_sign_on

SITE_IS_OFF = " “Open in Thinkific” is switched off in the settings, so it has no effect yet."


def state_of(user: User) -> str:
    """Returns whether the person can open Thinkific from here, and why not."""
    if not user.sso_enabled:
        return "Off"
    if not opening.is_on():
        return "On, but “Open in Thinkific” is switched off in the settings"
    found = obstacles.obstacle(user)
    return "On" if found is None else f"On, but this person {found.told}"


class SwitchSso(Dialog):
    on: ClassVar[bool]

    @classmethod
    def may(cls, viewer: User, obj: User) -> bool:
        return single_sign_on.may_switch(viewer, obj)

    @classmethod
    def applies(cls, obj: User) -> bool:
        return obj.sso_enabled != cls.on

    @classmethod
    def why_not_needed(cls, obj: User) -> str:
        return f"Single sign-on is switched {'on' if obj.sso_enabled else 'off'} for {obj} already."

    def carry_out(self) -> Done:
        single_sign_on.switch([self.obj], on=self.on, by=self.viewer)
        return Done(f"Single sign-on is switched {'on' if self.on else 'off'} for {self.obj}.")


class SwitchSsoOn(SwitchSso):
    slug, label, submit, icon, on = "sso-on", "Switch SSO On", "Switch On", "key", True

    def text(self) -> str:
        said = f"{self.obj} can open Thinkific from here, and is signed in there without a password."
        found = obstacles.obstacle(self.obj)
        if found is not None:
            said += f" At the moment {self.obj} {found.told}"
        return said + ("" if opening.is_on() else SITE_IS_OFF)


class SwitchSsoOff(SwitchSso):
    slug, label, submit, icon, on = "sso-off", "Switch SSO Off", "Switch Off", "key_off", False

    def text(self) -> str:
        return f"{self.obj} signs in to Thinkific with their password there, as everybody can."


class SwitchSsoOfChosen(ChosenDialog):
    code, in_all_teams = single_sign_on.CODE, True
    most = 10_000
    on: ClassVar[bool]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allowed = single_sign_on.switchable(self.viewer, [user.pk for user in self.chosen])

    def text(self) -> str:
        changed = [user for user in self.chosen if user.sso_enabled != self.on and user.pk in self.allowed]
        if not changed:
            return "Nothing changes for the chosen people."
        said = f"{counted(changed)}: {names(changed)}."
        if self.on:
            said += " They can open Thinkific from here, and are signed in there without a password."
            said += "" if opening.is_on() else SITE_IS_OFF
        return said

    def lines(self) -> dict[int, str]:
        return {user.pk: f"{user}, {user.shown_email}{self._line(user)}" for user in self.chosen}

    def _line(self, user: User) -> str:
        if user.sso_enabled == self.on:
            return f": switched {'on' if self.on else 'off'} already"
        if user.pk not in self.allowed:
            return ": left out, as this person has rights that you do not have"
        if self.on and user.thinkific_roles:
            return f": {obstacles.HAS_RIGHTS.told}"
        return ""

    def carry_out(self) -> Done:
        changed = single_sign_on.switch(self.chosen, on=self.on, by=self.viewer)
        state = "on" if self.on else "off"
        if not changed:
            return Done("Nothing was changed.")
        return Done(f"Single sign-on is switched {state} for {counted(changed)}.")


class SwitchSsoOnForChosen(SwitchSsoOfChosen):
    slug, label, action, on = "sso-on", "Switch SSO On", "sso_on", True


class SwitchSsoOffForChosen(SwitchSsoOfChosen):
    slug, label, action, on = "sso-off", "Switch SSO Off", "sso_off", False


SSO_DIALOGS = (SwitchSsoOn, SwitchSsoOff)
CHOSEN_SSO_DIALOGS = (SwitchSsoOnForChosen, SwitchSsoOffForChosen)
