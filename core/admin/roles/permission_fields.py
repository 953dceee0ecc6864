"""Forms that show permissions by category, with a search and a filter: of a role, and of a membership."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from core.admin.kit.dialogs.dialog import Dialog
from core.permissions.codes import FOR_THE_SITE, PERMISSIONS, Permission
from core.permissions.overrides import ALLOW, DENY
from core.wording import first_of

INHERIT = ""


class PermissionsDialog(Dialog):
    """A dialog with one field for each permission, named by its code."""

    template: ClassVar[str] = "admin/dashboard/permissions_dialog.html"
    note: ClassVar[str] = ""  # above the permissions

    def add_permissions(self, fields: Mapping[str, forms.Field]) -> None:
        self.permission_names = list(fields)
        for name, field in fields.items():
            field.show_hidden_initial = True
            self.fields[name] = field

    @property
    def other_fields(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in self.permission_names]

    @property
    def by_category(self) -> dict[str, list[tuple[forms.BoundField, Permission, bool]]]:
        """Returns the fields by category, each with its permission and whether it is for global roles."""
        found: dict[str, list[tuple[forms.BoundField, Permission, bool]]] = {}
        for code in self.permission_names:
            permission = PERMISSIONS[code]
            entry = (self[code], permission, code in FOR_THE_SITE)
            found.setdefault(permission.category, []).append(entry)
        return found

    def changed(self) -> dict[str, Any]:
        """Returns the new values of the permissions that the viewer changed."""
        return {name: self.cleaned_data[name] for name in self.permission_names if name in self.touched}


def shown_permissions() -> list[Permission]:
    return [permission for permission in PERMISSIONS.values() if permission.shown]


def toggles(held: Iterable[str]) -> dict[str, forms.Field]:
    """Returns one switch for each shown permission; those in `held` are on."""
    on = set(held)
    return {
        permission.code: forms.BooleanField(
            label=permission.label,
            required=False,
            initial=permission.code in on,
            widget=UnfoldBooleanSwitchWidget(),
        )
        for permission in shown_permissions()
    }


def three_ways(
    inherited: Iterable[str], overrides: Mapping[str, str] | None, codes: Iterable[str]
) -> dict[str, forms.Field]:
    """Returns a choice for each shown permission of `codes` that a team gives: inherit, allow or deny."""
    by_role, offered, stored = set(inherited), set(codes) - FOR_THE_SITE, overrides or {}
    return {
        permission.code: forms.ChoiceField(
            label=permission.label,
            required=False,
            initial=stored.get(permission.code, INHERIT),
            choices=[
                (INHERIT, f"Inherit ({'allowed' if permission.code in by_role else 'not allowed'})"),
                (ALLOW, "Allow"),
                (DENY, "Deny"),
            ],
            widget=UnfoldAdminSelectWidget(),
        )
        for permission in shown_permissions()
        if permission.code in offered
    }


def in_words(overrides: Mapping[str, str] | None) -> list[str]:
    """Returns what overrides allow and deny, in at most two sentences."""
    said = []
    for effect, word in ((ALLOW, "Allowed"), (DENY, "Denied")):
        labels = [
            PERMISSIONS[c].label
            for c, e in sorted((overrides or {}).items())
            if e == effect and c in PERMISSIONS
        ]
        if labels:
            said.append(f"{word}: {first_of(labels)}")
    return said
