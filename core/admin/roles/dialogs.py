"""Dialogs about a role: making it, its name and scope, its permissions, and deleting it."""

from typing import Any, ClassVar

from django import forms
from django.db.models import Q
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from core.admin.kit import cells
from core.admin.kit.dialogs.dialog import Dialog, Done
from core.admin.kit.dialogs.fields import picked, switch
from core.admin.roles.permission_fields import PermissionsDialog, three_ways, toggles
from core.models import Role, SiteSettings, Team, User
from core.permissions import scope
from core.permissions.backend import codes_by
from core.permissions.codes import FOR_THE_SITE
from core.services.roles import overrides, roles
from core.wording import plural


def name_field() -> forms.CharField:
    return forms.CharField(
        label="Name",
        max_length=roles.NAME_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        error_messages={"required": "A role needs a name."},
    )


def global_field() -> forms.BooleanField:
    return switch(
        "Global Role",
        "Its holders see all teams and everybody, and may do there what the role says. Off: it is given in a "
        "team, and applies there only.",
    )


def teams_field() -> forms.ModelChoiceField:
    return picked(
        Role.limited_to,
        "Teams",
        multiple=True,
        required=False,
        errors={"invalid_choice": "There is no such team, or it is archived. Choose another."},
        help_text="Offer the role in these teams only. Empty: in all teams.",
    )


def active_teams() -> Any:
    return Team.objects.filter(archived_at__isnull=True).order_by("name", "id")


class RoleDialog(Dialog):
    """For viewers who hold `verb` for the whole site and every permission of the role."""

    verb: ClassVar[str] = "roles.edit"

    @classmethod
    def may(cls, viewer: User, obj: Role | None) -> bool:
        held = scope.codes_everywhere(viewer)
        return cls.verb in held and (obj is None or codes_by(obj) <= held)


class AddRole(RoleDialog, PermissionsDialog):
    slug, label, submit, icon, about_new = "add", "Add Role", "Save", "add", True
    panel = True
    verb = "roles.create"
    question = "You can give permissions that you have yourself. They can be changed later."
    name = name_field()
    is_global = global_field()
    limited_to = teams_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("limited_to", active_teams())
        own = scope.codes_everywhere(self.viewer)
        self.add_permissions({code: field for code, field in toggles(()).items() if code in own})

    def carry_out(self) -> Done:
        values = self.cleaned_data
        role = roles.create(
            name=values["name"],
            is_global=values["is_global"],
            limited_to=values["limited_to"],
            permissions=[code for code in self.permission_names if values[code]],
            by=self.viewer,
        )
        how = (
            "Give it to people by the button Global Role in the tab Teams of their page."
            if role.is_global
            else "Give it to people in their teams."
        )
        return Done(f"The role {role} is made. {how}", cells.detail_url(role))


class EditRole(RoleDialog):
    slug, label, submit, icon = "edit", "Edit Role", "Save", "edit"
    shows_stored = True
    name = name_field()
    is_global = global_field()
    limited_to = teams_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].initial = self.obj.name
        if self.obj.is_builtin:
            del self.fields["is_global"], self.fields["limited_to"]
            return
        self.fields["is_global"].initial = self.obj.is_global
        stored = list(self.obj.limited_to.values_list("pk", flat=True))
        offered: Any = self.fields["limited_to"]
        offered.initial = stored
        offered.queryset = Team.objects.filter(Q(archived_at__isnull=True) | Q(pk__in=stored)).order_by(
            "name"
        )

    def text(self) -> str:
        return f"{self.obj} is built in: only its name can be changed." if self.obj.is_builtin else ""

    def carry_out(self) -> Done:
        role = roles.update(self.obj, by=self.viewer, **self.cleaned_data)
        return Done(f"{role} is saved.")


class DeleteRole(RoleDialog):
    slug, label, danger, in_page = "delete", "Delete Role", True, True
    verb = "roles.delete"

    @classmethod
    def applies(cls, obj: Role) -> bool:
        return not obj.is_builtin

    @classmethod
    def why_not_needed(cls, obj: Role) -> str:
        return f"{obj} is built in and cannot be deleted."

    @classmethod
    def blocked(cls, target: Role, viewer: User) -> str:
        used = roles.use_of(target)
        return f"{used} Give them another role first; then {target} can be deleted." if used else ""

    def text(self) -> str:
        return f"Nobody has the role {self.obj}. Deleting it cannot be undone; its history stays."

    def carry_out(self) -> Done:
        name = str(self.obj)
        roles.delete(self.obj, by=self.viewer)
        return Done(f"The role {name} is deleted.", reverse("admin:core_role_changelist"))


class EditPermissions(RoleDialog, PermissionsDialog):
    """The form of the tab Permissions. Its fields are compared one by one, so two people can change different
    permissions at the same time."""

    slug, label, submit, tab, in_page = "permissions", "Permissions", "Save", "permissions", True
    shows_stored = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        held = codes_by(self.obj)
        shown = {c: f for c, f in toggles(held).items() if self.obj.is_global or c not in FOR_THE_SITE}
        self.add_permissions(shown)
        own = scope.codes_everywhere(self.viewer)
        for code in set(self.permission_names) - own:
            self.fields[code].disabled, self.fields[code].show_hidden_initial = True, False

    @classmethod
    def may(cls, viewer: User, obj: Role | None) -> bool:
        return super().may(viewer, obj) and (obj is None or obj.code not in roles.FIXED)

    @classmethod
    def why_fixed(cls, obj: Role, viewer: User) -> str:
        if obj.code in roles.FIXED:
            return roles.FIXED[obj.code]
        if not scope.codes_everywhere(viewer) >= {"roles.edit"}:
            return ""
        return "This role has permissions that you do not have, so you cannot change it."

    def text(self) -> str:
        if not self.obj.is_builtin:
            return ""
        return (
            f"{self.obj} is built in. Its permissions can be changed, for all who have it. For new members "
            "alone, use Default Permissions."
        )

    def carry_out(self) -> Done:
        changed = self.changed()
        before = sorted(self.obj.permissions)
        role = roles.change_permissions(
            self.obj,
            add=[code for code, on in changed.items() if on],
            remove=[code for code, on in changed.items() if not on],
            by=self.viewer,
        )
        if sorted(role.permissions) == before:
            return Done("Nothing was changed.")
        people = plural(roles.holders(role).count(), "person", "people")
        return Done(f"Permissions saved. They hold at once for {people} with the role {role}.")


class DefaultPermissions(PermissionsDialog):
    """What a new owner's or manager's membership begins with. It is a setting of the site."""

    slug, label, submit, icon = "default-permissions", "Default Permissions", "Save", "rule_settings"
    tab = "permissions"
    shows_stored = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stored = (SiteSettings.load().default_overrides or {}).get(self.obj.code)
        self.add_permissions(three_ways(codes_by(self.obj), stored, scope.codes_everywhere(self.viewer)))

    @classmethod
    def may(cls, viewer: User, obj: Role | None) -> bool:
        held = scope.codes_everywhere(viewer)
        return "settings.edit" in held and (obj is None or codes_by(obj) <= held)

    @classmethod
    def applies(cls, obj: Role) -> bool:
        return obj.code in overrides.WITH_DEFAULTS

    def text(self) -> str:
        return (
            f"A new member with the role {self.obj} begins with these. Present members keep what they have. "
            "Each can be changed later on the membership."
        )

    def carry_out(self) -> Done:
        changes = {code: value or None for code, value in self.changed().items()}
        stored = overrides.change_default_overrides(self.obj, changes=changes, by=self.viewer)
        said = f"{len(stored):,} differ from the role." if stored else "They are those of the role."
        return Done(f"The default permissions of a new {self.obj} are saved. {said}")


ROLE_DIALOGS: tuple[type[Dialog], ...] = (AddRole, EditRole, DefaultPermissions, EditPermissions, DeleteRole)
