"""Dialogs about an organization: adding, editing, deleting it, and which teams belong to it."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.admin.kit import cells
from core.admin.kit.dialogs.chosen import ChosenDialog
from core.admin.kit.dialogs.dialog import Dialog, Done, RowDialog
from core.admin.kit.dialogs.fields import picked, switch
from core.errors import Refusal, names
from core.models import Membership, SiteSettings, Team, User
from core.models.fields.settings_checks import lines
from core.permissions import scope
from core.services.teams import organizations
from core.wording import listed, one_or_many, plural


class OrganizationDialog(Dialog):
    """A right for the whole site: a role in a team never gives it."""

    code, in_all_teams = "organizations.edit", True


def name_field() -> forms.CharField:
    return forms.CharField(
        label="Name",
        max_length=organizations.NAME_LENGTH,
        widget=UnfoldAdminTextInputWidget(),
        error_messages={"required": "An organization needs a name."},
    )


def description_field() -> forms.CharField:
    return forms.CharField(
        label="Description",
        max_length=organizations.DESCRIPTION_LENGTH,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )


class AddOrganization(OrganizationDialog):
    slug, label, icon, about_new = "add", "Add Organization", "add", True
    panel = True
    code = "organizations.create"
    question = "An organization groups the teams of one customer."
    refused_at = {Refusal: "name"}
    name = name_field()
    description = description_field()
    make_teams = switch("Create the default teams", "")
    owner = picked(
        Team.owner,
        "Owner of these teams",
        required=False,
        errors={"invalid_choice": "There is no such person, or the account is switched off."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.team_names = lines(SiteSettings.load().default_team_names)
        if not self.team_names or "teams.create" not in scope.codes_everywhere(self.viewer):
            del self.fields["make_teams"], self.fields["owner"]
            return
        self.offer("owner", User.objects.filter(is_active=True))
        self.suggest("make_teams", True)
        made = listed(self.team_names)
        self.fields["make_teams"].help_text = f"{made}, each with the organization's name before it."

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("make_teams") and not values.get("owner") and "owner" not in self.errors:
            self.add_error("owner", "Every team has an owner; choose one, or create no default teams.")
        return values

    def carry_out(self) -> Done:
        values = dict(self.cleaned_data)
        wanted, owner = values.pop("make_teams", False), values.pop("owner", None)
        if not wanted:
            organization = organizations.create(by=self.viewer, **values)
            said = "Assign its teams next."
        else:
            organization, made = organizations.create_with_teams(
                names=self.team_names, owner=owner, by=self.viewer, **values
            )
            said = f"{owner} owns its {plural(len(made), 'team')}: {names(made)}."
        return Done(f"{organization} is created. {said}", cells.detail_url(organization, "teams"))


class EditOrganization(OrganizationDialog):
    slug, label, submit, icon = "edit", "Edit Organization", "Save", "edit"
    refused_at = {Refusal: "name"}
    shows_stored = True
    name = name_field()
    description = description_field()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.initial = getattr(self.obj, name)

    def carry_out(self) -> Done:
        organization = organizations.update(self.obj, by=self.viewer, **self.cleaned_data)
        return Done(f"{organization} is saved.")


class DeleteOrganization(OrganizationDialog):
    slug, label, icon, danger = "delete", "Delete Organization", "delete", True
    code = "organizations.delete"

    def text(self) -> str:
        count = Team.objects.filter(organization=self.obj).count()
        if not count:
            return f"{self.obj} has no team. Its history stays."
        stay = one_or_many(count, "stays", "stay")
        return (
            f"The {plural(count, 'team')} of {self.obj} {stay}, with people, seats and groups, and will "
            "belong to no organization. The history of the organization stays."
        )

    def carry_out(self) -> Done:
        left = organizations.delete(self.obj, by=self.viewer)
        without = one_or_many(left, "is", "are")
        said = f"{self.obj} is deleted."
        if left:
            said += f" {plural(left, 'team')} {without} in no organization now."
        return Done(said, reverse("admin:core_organization_changelist"))


class AssignTeams(OrganizationDialog):
    slug, label, tab, icon, submit = "assign-teams", "Assign Teams", "teams", "add", "Assign"
    question = "A team is in one organization at most."
    no_choice = {"teams": "Every team that there is belongs to {obj} already."}
    teams = picked(
        Membership.team,
        "Teams",
        multiple=True,
        errors={"required": "Choose at least one team.", "invalid_choice": "There is no such team."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = Team.objects.visible_to(self.viewer)
        self.offer("teams", teams)
        self.offered["teams"] = teams.exclude(organization=self.obj)

    def confirmation(self) -> str:
        """Names the teams that leave another organization."""
        chosen = self.cleaned_data["teams"].select_related("organization")
        elsewhere = [t for t in chosen if t.organization_id not in (None, self.obj.pk)]
        if not elsewhere:
            return ""
        leaving = (f"{team} leaves {team.organization}." for team in elsewhere[:5])
        more = f" So do {len(elsewhere) - 5:,} more." if len(elsewhere) > 5 else ""
        return f"{' '.join(leaving)}{more}"

    def carry_out(self) -> Done:
        chosen = list(self.cleaned_data["teams"])
        added = organizations.assign_teams(self.obj, chosen, by=self.viewer)
        if not added:
            return Done(f"{names(chosen)} {one_or_many(len(chosen), 'is', 'are')} in {self.obj} already.")
        return Done(f"{plural(added, 'team')} {one_or_many(added, 'is', 'are')} in {self.obj} now.")


class RemoveTeam(OrganizationDialog, RowDialog):
    slug, label, tab, danger = "remove-team", "Remove", "teams", True

    @classmethod
    def rows(cls, obj: Any, viewer: User) -> QuerySet[Team]:
        if cls.code not in scope.codes_everywhere(viewer):
            return Team.objects.none()
        return Team.objects.filter(organization=obj)

    def text(self) -> str:
        return f"{self.row} stays as it is, with its people and seats, and will belong to no organization."

    def carry_out(self) -> Done:
        organizations.remove_teams([self.row], by=self.viewer)
        return Done(f"{self.row} is in no organization now.")


class RemoveTeams(OrganizationDialog, ChosenDialog):
    """For teams chosen in the tab Teams."""

    slug, label, action, danger = "remove-teams", "Remove from Organization", "remove_teams", True
    is_limited = True

    def text(self) -> str:
        count = len(self.chosen)
        stay = one_or_many(count, "stays as it is", "stay as they are")
        return (
            f"{plural(count, 'team')}, {names(self.chosen)}, {stay}, with people and seats, and will belong "
            "to no organization."
        )

    def carry_out(self) -> Done:
        removed = organizations.remove_teams(self.chosen, by=self.viewer)
        return Done(f"{plural(removed, 'team')} {one_or_many(removed, 'is', 'are')} in no organization now.")


ORGANIZATION_DIALOGS = (AddOrganization, EditOrganization, DeleteOrganization, AssignTeams, RemoveTeam)
