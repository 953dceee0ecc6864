"""The cards of the Tools page: what each says, asks and starts."""

from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from core.admin.groups.assigning import groups_that_follow
from core.admin.kit.counting import counted
from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.dialogs.in_page import PageDialog
from core.admin.kit.dialogs.pickers import picker
from core.models import (
    GroupAssignment,
    Role,
    SiteSettings,
    Team,
    ThinkificGroup,
    User,
)
from core.services import automatic_memberships, seats
from core.services.outbox import refused
from core.services.site import sync_requests

LAST_SYNCED = "So it was when the groups were last synced."
BOTH_TOGGLES = "Both are on: no e-mails are sent. Prohibit Emails wins."


class Tool(PageDialog):
    """A card: `says` stands on it, `question` in its dialog, which starts a run of `kind`."""

    says: ClassVar[str]
    kind: ClassVar[str] = ""  # empty: it starts no run
    permission = "core.run_tools"  # a role in one team does not open this page: it is about the whole site
    submit = "Start"
    notes = "dashboard/tool_notes.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # nothing here is stored
            self.suggest(name, field.initial)

    @classmethod
    def element(cls) -> str:
        return f"tool-{cls.slug}"

    def post_url(self) -> str:
        return reverse("admin:tools_start", args=[self.slug])

    def options(self) -> dict[str, Any]:
        """Returns what the run is asked for with."""
        return {}

    def remark(self) -> str:
        """Returns a sentence to add to the answer, about what was chosen."""
        return ""

    def numbers(self) -> str:
        """Returns how many it is about, by what is stored here: said before it starts."""
        return ""

    def carry_out(self) -> Done:
        run = sync_requests.request(self.kind, started_by=self.viewer, full=True, options=self.options())
        link = format_html('<a class="underline" href="{}">See the run</a>', run.url)
        if run.attached:
            text = "Such a run is under way already; you will be told when it is done."
            return Done(format_html("{} {}", text, link), is_warning=True)
        text = f"{self.label} has started. You will be told when it is done. {self.remark()}".strip()
        return Done(format_html("{} {}", text, link))


def _teams(viewer: User) -> QuerySet[Team]:
    return Team.objects.visible_to(viewer).filter(archived_at__isnull=True)


def _people(count: int, one: str = "person", many: str = "people") -> str:
    return f"{count:,} {one if count == 1 else many}"


class ImportUsers(Tool):
    slug, label, icon = "import-users", "Import Users from Thinkific", "group_add"
    says = "Brings in every user account of your Thinkific site, and finds who is gone."
    question = "Reads all user accounts from Thinkific. People who are here already are brought up to date."
    kind, submit = "users", "Import"
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
        widget=picker(GroupAssignment.team),
        help_text="Who is imported and in no team yet joins it as a student. Empty: the default team "
        "of the settings, or listed as unassigned.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("team", _teams(self.viewer))

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
        return f"{_people(count)} of those who are here now will join {team}, and everybody who is new."

    def remark(self) -> str:
        if self.cleaned_data["allow_emails"] and self.cleaned_data["prohibit_emails"]:
            return BOTH_TOGGLES
        return "" if self.sends_emails else "No e-mails are sent."


class SyncEnrollments(Tool):
    slug, label, icon = "sync-enrollments", "Sync Enrollments", "assignment_ind"
    says = "Brings enrollments, dates and progress in line with Thinkific."
    question = "Brings all enrollments in line, whatever changed when."
    kind = "enrollments"
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
        count = refused.count_waiting()
        if not count:
            return "Nothing waits to be sent."
        return f"{_people(count, 'change waits', 'changes wait')} and will be sent."


class ImportFromGroups(Tool):
    slug, label, icon = "import-groups-users", "Import Users from Groups", "diversity_3"
    says = "Puts the members of Thinkific groups into a team."
    question = "Reads the members of the groups from Thinkific and adds them to the team."
    kind, submit = "groups", "Import"
    groups = forms.ModelMultipleChoiceField(
        label="Groups",
        queryset=ThinkificGroup.objects.none(),
        widget=picker(GroupAssignment.group, multiple=True),
        error_messages={"required": "Choose at least one group."},
    )
    team = forms.ModelChoiceField(
        label="Team",
        queryset=Team.objects.none(),
        widget=picker(GroupAssignment.team),
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

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("groups", ThinkificGroup.objects.visible_to(self.viewer).filter(removed_at__isnull=True))
        self.offer("team", _teams(self.viewer))
        # A team has one owner, who is made so on the team's page.
        self.offer("role", Role.objects.filter(is_global=False).exclude(code="owner").order_by("id"))
        self.suggest("role", Role.objects.filter(code="student").first())

    def numbers(self) -> str:
        team = self.cleaned_data["team"]
        chosen = self.cleaned_data["groups"]
        count, there = automatic_memberships.in_groups(chosen, team)
        which = "these groups" if len(chosen) > 1 else "this group"
        if not count:
            return f"Nobody is in {which}. {LAST_SYNCED}"
        if there == count:
            return f"Nobody will join {team}: whoever is in {which} is in it already. {LAST_SYNCED}"
        said = f"{counted(count - there)} will join {team}"
        if there:
            said += f"; {there:,} of the {count:,} in {which} {'is' if there == 1 else 'are'} in it already"
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


class SyncGroups(Tool):
    slug, label, icon, kind = "sync-groups", "Sync Groups", "hub", "groups"
    says = "Brings in the groups and who is in them."
    question = (
        "Reads all groups and their members from Thinkific. Teams change as the direction of each group's "
        "assignment says."
    )


class SyncProducts(Tool):
    slug, label, icon, kind = "sync-products", "Sync Products", "menu_book", "products"
    says = "Brings in courses, bundles and what they contain."
    question = (
        "Reads all courses and bundles from Thinkific. Products that are gone there are marked, not deleted."
    )


class SyncContent(Tool):
    slug, label, icon, kind = "sync-content", "Sync Course Content", "view_list", "content"
    says = "Brings in the chapters, lessons and quizzes of every course."
    question = (
        "Reads chapters, lessons and quizzes of all courses from Thinkific. With many courses this takes a "
        "while."
    )


class SyncCertificates(Tool):
    slug, label, icon, kind = "sync-certificates", "Sync Certificates", "workspace_premium", "certificates"
    says = "Brings in the certificates that Thinkific has issued."
    question = "Reads the certificates of all courses from Thinkific."


class SyncQuizResults(Tool):
    slug, label, icon, kind = "sync-quiz-results", "Sync Quiz Results", "quiz", "quiz_results"
    says = "Brings in who took which quiz, and with what result."
    question = "Reads all quiz results from Thinkific."


class RecalculateSeats(Tool):
    slug, label, icon, submit = "recalculate-seats", "Recalculate Seats", "calculate", "Recalculate"
    says = "Counts again how many places of every seat are used."
    question = (
        "Counts all seats again from the enrollments and memberships that are stored. Nothing else changes."
    )

    def carry_out(self) -> Done:
        seats.request_recalculation(by=self.viewer)
        return Done(f"{self.label} has started. You will be told when it is done.")


CARDS = {
    card.slug: card
    for card in (
        ImportUsers,
        SyncEnrollments,
        ImportFromGroups,
        SyncGroups,
        SyncProducts,
        SyncContent,
        SyncCertificates,
        SyncQuizResults,
        RecalculateSeats,
    )
}
