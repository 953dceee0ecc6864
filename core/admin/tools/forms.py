"""The modals of the Tools page: what each card asks before it starts."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from core.admin.groups.assigning import groups_that_follow
from core.admin.kit.counting import counted
from core.admin.kit.dialogs.pickers import PickingForm, by_typing
from core.models import (
    GroupAssignment,
    GroupMembership,
    OutboxEntry,
    Role,
    SiteSettings,
    Team,
    ThinkificGroup,
    User,
)
from core.services import automatic_memberships
from core.wording import one_or_many, plural

LAST_SYNCED = "So it was when the groups were last synced."
BOTH_TOGGLES = "Both are on: no e-mails are sent. Prohibit Emails wins."


class ToolForm(PickingForm):
    """A card's modal. `options` is what the run is asked for with."""

    def __init__(self, data: Any = None, *, viewer: User, dialog: str) -> None:
        super().__init__(data, auto_id=f"{dialog}_%s")
        self.viewer = viewer

    def options(self) -> dict[str, Any]:
        return {}

    def remark(self) -> str:
        """A sentence to add to the answer, about what was chosen."""
        return ""

    def numbers(self) -> str:
        """How many it is about, by what is stored here: said before it starts."""
        return ""


class ImportUsersForm(ToolForm):
    allow_emails = forms.BooleanField(
        label="Allow Emails",
        required=False,
        help_text="People who are new here get a notification e-mail.",
        widget=UnfoldBooleanSwitchWidget(),
    )
    prohibit_emails = forms.BooleanField(
        label="Prohibit Emails",
        required=False,
        initial=True,
        help_text="Nobody gets an e-mail because of this import.",
        widget=UnfoldBooleanSwitchWidget(),
    )
    team = forms.ModelChoiceField(
        label="Assign to Team",
        queryset=Team.objects.none(),
        required=False,
        widget=by_typing(GroupAssignment.team),
        help_text="Who is imported and in no team yet joins it as a student. Empty: the default team "
        "of the settings, or listed as unassigned.",
    )

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["team"].queryset = Team.objects.visible_to(self.viewer).filter(archived_at__isnull=True)

    @property
    def sends_emails(self) -> bool:
        """Only when they are allowed and not prohibited: with both toggles on nothing is sent."""
        return self.cleaned_data["allow_emails"] and not self.cleaned_data["prohibit_emails"]

    def options(self) -> dict[str, Any]:
        team = self.cleaned_data["team"]
        return {"team_id": team.pk if team else None, "emails": "allow" if self.sends_emails else "prohibit"}

    def numbers(self) -> str:
        team = self.cleaned_data["team"] or SiteSettings.load().default_team
        if team is None:
            return ""
        count = automatic_memberships.without_a_team().count()
        if not count:
            return f"Everybody who is new will join {team}."
        return f"{counted(count)} of those who are here now will join {team}, and everybody who is new."

    def remark(self) -> str:
        if self.cleaned_data["allow_emails"] and self.cleaned_data["prohibit_emails"]:
            return BOTH_TOGGLES
        return "" if self.sends_emails else "No e-mails are sent."


class SyncEnrollmentsForm(ToolForm):
    direction = forms.ChoiceField(
        label="Direction",
        choices=[
            ("thinkific_to_dashboard", "Thinkific-to-Dashboard: read all enrollments from Thinkific"),
            ("dashboard_to_thinkific", "Dashboard-to-Thinkific: send the changes that wait here"),
            ("both", "Both: send what waits, then read"),
        ],
        initial="thinkific_to_dashboard",
        widget=UnfoldAdminRadioSelectWidget(),
    )

    def options(self) -> dict[str, Any]:
        return {"direction": self.cleaned_data["direction"]}

    def numbers(self) -> str:
        if self.cleaned_data["direction"] == "thinkific_to_dashboard":
            return ""
        count = OutboxEntry.objects.filter(status=OutboxEntry.Status.PENDING).count()
        if not count:
            return "Nothing waits to be sent."
        return f"{plural(count, 'change waits', 'changes wait')} and will be sent."


class ImportFromGroupsForm(ToolForm):
    groups = forms.ModelMultipleChoiceField(
        label="Groups",
        queryset=ThinkificGroup.objects.none(),
        widget=by_typing(GroupAssignment.group, multiple=True),
        error_messages={"required": "Choose at least one group."},
    )
    team = forms.ModelChoiceField(
        label="Team",
        queryset=Team.objects.none(),
        widget=by_typing(GroupAssignment.team),
        help_text="Their members join this team. Nobody leaves a team because of an import.",
        error_messages={"required": "Choose the team that the groups' members should belong to."},
    )
    role = forms.ModelChoiceField(
        label="Role",
        queryset=Role.objects.none(),
        widget=UnfoldAdminSelectWidget(),
        empty_label=None,
        help_text="For who is new in the team; members keep the role they have.",
    )

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["groups"].queryset = ThinkificGroup.objects.visible_to(self.viewer).filter(
            removed_at__isnull=True
        )
        fields["team"].queryset = Team.objects.visible_to(self.viewer).filter(archived_at__isnull=True)
        # A team has one owner, who is made so on the team's page.
        fields["role"].queryset = Role.objects.filter(is_global=False).exclude(code="owner").order_by("id")
        fields["role"].initial = Role.objects.filter(code="student").first()

    def numbers(self) -> str:
        team = self.cleaned_data["team"]
        chosen = self.cleaned_data["groups"]
        rows = GroupMembership.objects.filter(group__in=chosen, removed_at__isnull=True)
        people = User.objects.filter(pk__in=rows.values("user"))
        count, there = people.count(), people.filter(memberships__team=team).count()
        which = "these groups" if len(chosen) > 1 else "this group"
        if not count:
            return f"Nobody is in {which}. {LAST_SYNCED}"
        if there == count:
            return f"Nobody will join {team}: whoever is in {which} is in it already. {LAST_SYNCED}"
        said = f"{counted(count - there)} will join {team}"
        if there:
            said += f"; {there:,} of the {count:,} in {which} {one_or_many(there, 'is', 'are')} in it already"
        follow = f" {groups_that_follow(team)}"
        return f"{said}.{follow.rstrip()} {LAST_SYNCED}"

    def options(self) -> dict[str, Any]:
        team, role = self.cleaned_data["team"], self.cleaned_data["role"]
        return {
            "mappings": [
                {"group_id": group.pk, "team_id": team.pk, "role_id": role.pk}
                for group in self.cleaned_data["groups"]
            ]
        }
