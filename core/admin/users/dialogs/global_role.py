"""The role that a person has in the whole dashboard."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from core.admin.kit.dialogs.dialog import Dialog, Done
from core.models import Role, User
from core.permissions import scope
from core.services.roles import administrators


class ChangeGlobalRole(Dialog):
    slug, label, submit, tab, icon = "global-role", "Global Role", "Save", "teams", "shield_person"
    question = (
        "A person with a global role sees all teams and everybody, and may do there what the role says. "
        "Without one, the roles in their teams count."
    )
    shows_stored = True
    role = forms.ModelChoiceField(
        label="Global role",
        queryset=Role.objects.none(),
        required=False,
        empty_label="None",
        widget=UnfoldAdminSelectWidget(),
        error_messages={"invalid_choice": "You cannot give this role. Choose another."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("role", scope.global_roles_to_give(self.viewer), now=self.obj.global_role_id)

    @classmethod
    def may(cls, viewer: User, obj: User | None) -> bool:
        if "users.edit" not in scope.codes_everywhere(viewer):
            return False
        return obj is None or (obj.pk != viewer.pk and scope.may_change_account(viewer, obj))

    def carry_out(self) -> Done:
        role = self.cleaned_data["role"]
        administrators.change_global_role(self.obj, role=role, by=self.viewer)
        now = f"has the role {role} in the whole dashboard now" if role else "has no global role any more"
        return Done(f"{self.obj} {now}.")
