"""The cards of the Tools page: their texts, their dialogs, and the runs that they start."""

from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget

from core.admin.groups.assigning import groups_joined_too
from core.admin.kit.counting import counted
from core.admin.kit.dialogs.dialog import Done
from core.admin.kit.dialogs.fields import picked, switch
from core.admin.kit.dialogs.in_page import PageDialog
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
from core.wording import one_or_many, plural

LAST_SYNCED = "This was counted at the last sync of the groups."
BOTH_TOGGLES = "Both are on: no e-mails are sent. Prohibit Emails wins."


class Tool(PageDialog):
    """A card with the text `says`. Its dialog has the text `question` and starts a run of `kind`."""

    says: ClassVar[str]
    kind: ClassVar[str] = ""  # empty: it starts no run
    permission = "core.run_tools"  # for the whole site: a role in a team is not enough
    submit = "Start"
    notes = "dashboard/tool_notes.html"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # none of the values is stored
            self.suggest(name, field.initial)

    @classmethod
    def element(cls) -> str:
        return f"tool-{cls.slug}"

    def post_url(self) -> str:
        return reverse("admin:tools_start", args=[self.slug])

    def options(self) -> dict[str, Any]:
        """Returns the options of the run."""
        return {}

    def remark(self) -> str:
        """Returns a sentence to add to the message, about the chosen values."""
        return ""

    def numbers(self) -> str:
        """Returns a sentence with the numbers of affected objects, to show before it starts."""
        return ""

    def carry_out(self) -> Done:
        run = sync_requests.request(self.kind, started_by=self.viewer, full=True, options=self.options())
        link = format_html('<a class="underline" href="{}">See the run</a>', run.url)
        if run.attached:
            text = "Such a run is under way already. You will be told when it is done."
            return Done(format_html("{} {}", text, link), is_warning=True)
        text = f"{self.label} has started. You will be told when it is done. {self.remark()}".strip()
        return Done(format_html("{} {}", text, link))


def _teams(viewer: User) -> QuerySet[Team]:
    return Team.objects.visible_to(viewer).filter(archived_at__isnull=True)


class ImportUsers(Tool):
    slug, label, icon = "import-users", "Import Users from Thinkific", "group_add"
    says = "Reads every user account of your Thinkific site, and finds deleted ones."
    question = "Reads all user accounts from Thinkific. Existing users are updated."
    kind, submit = "users", "Import"
    allow_emails = switch("Allow Emails", "People who are new here get a notification e-mail.")
    prohibit_emails = switch("Prohibit Emails", "Nobody gets an e-mail because of this import.", initial=True)
    team = picked(
        GroupAssignment.team,
        "Assign to Team",
        required=False,
        help_text="Imported people without a team join it as students. Empty: they join the default team, or "
        "stay unassigned if none is set.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("team", _teams(self.viewer))

    @property
    def sends_emails(self) -> bool:
        """Whether e-mails are allowed and not prohibited. With both toggles on, nothing is sent."""
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
            return f"New people will join {team}."
        return f"{counted(count)} without a team will join {team}, and all new people."

    def remark(self) -> str:
        if self.cleaned_data["allow_emails"] and self.cleaned_data["prohibit_emails"]:
            return BOTH_TOGGLES
        return "" if self.sends_emails else "No e-mails are sent."


class SyncEnrollments(Tool):
    slug, label, icon = "sync-enrollments", "Sync Enrollments", "assignment_ind"
    says = "Updates enrollments, dates and progress from Thinkific."
    question = "Compares all enrollments, not only those that changed recently."
    kind = "enrollments"
    direction = forms.ChoiceField(
        label="Direction",
        choices=[
            ("thinkific_to_dashboard", "Thinkific-to-Dashboard: read all enrollments from Thinkific"),
            ("dashboard_to_thinkific", "Dashboard-to-Thinkific: send the changes that wait here"),
            ("both", "Both: send the waiting changes, then read"),
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
        return f"{plural(count, 'waiting change')} will be sent."


class ImportFromGroups(Tool):
    slug, label, icon = "import-groups-users", "Import Users from Groups", "diversity_3"
    says = "Puts the members of Thinkific groups into a team."
    question = "Reads the members of the groups from Thinkific and adds them to the team."
    kind, submit = "groups", "Import"
    groups = picked(
        GroupAssignment.group, "Groups", multiple=True, errors={"required": "Choose at least one group."}
    )
    team = picked(
        GroupAssignment.team,
        "Team",
        help_text="Their members join this team. Nobody leaves a team because of an import.",
        errors={"required": "Choose the team that the groups' members should belong to."},
    )
    role = forms.ModelChoiceField(
        label="Role",
        queryset=Role.objects.none(),
        widget=UnfoldAdminSelectWidget(),
        empty_label=None,
        help_text="For new members of the team. Present members keep their role.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("groups", ThinkificGroup.objects.visible_to(self.viewer).filter(removed_at__isnull=True))
        self.offer("team", _teams(self.viewer))
        # A team has one owner, who is changed on the team's page.
        self.offer("role", Role.objects.filter(is_global=False).exclude(code="owner").order_by("id"))
        self.suggest("role", Role.objects.filter(code="student").first())

    def numbers(self) -> str:
        team = self.cleaned_data["team"]
        chosen = self.cleaned_data["groups"]
        count, there = automatic_memberships.in_groups(chosen, team)
        which = one_or_many(len(chosen), "this group", "these groups")
        if not count:
            return f"Nobody is in {which}. {LAST_SYNCED}"
        if there == count:
            return f"Nobody will join {team}: all members of {which} are in it already. {LAST_SYNCED}"
        said = f"{counted(count - there)} will join {team}"
        if there:
            said += f"; {there:,} of the {count:,} in {which} {one_or_many(there, 'is', 'are')} in it already"
        follow = f" {groups_joined_too(team)}"
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
    says = "Reads the groups and their members."
    question = (
        "Reads all groups and their members from Thinkific. Members join teams if the direction of the "
        "group's assignment allows it."
    )


class SyncProducts(Tool):
    slug, label, icon, kind = "sync-products", "Sync Products", "menu_book", "products"
    says = "Reads courses, bundles and their contents."
    question = "Reads all courses and bundles from Thinkific. Deleted products are marked here."


class SyncContent(Tool):
    slug, label, icon, kind = "sync-content", "Sync Course Content", "view_list", "content"
    says = "Reads the chapters, lessons and quizzes of every course."
    question = (
        "Reads chapters, lessons and quizzes of all courses from Thinkific. With many courses this takes a "
        "while."
    )


class SyncCertificates(Tool):
    slug, label, icon, kind = "sync-certificates", "Sync Certificates", "workspace_premium", "certificates"
    says = "Reads the certificates that Thinkific has issued."
    question = "Reads the certificates of all courses from Thinkific."


class SyncQuizResults(Tool):
    slug, label, icon, kind = "sync-quiz-results", "Sync Quiz Results", "quiz", "quiz_results"
    says = "Reads the quiz results of all students."
    question = "Reads all quiz results from Thinkific."


class RecalculateSeats(Tool):
    slug, label, icon, submit = "recalculate-seats", "Recalculate Seats", "calculate", "Recalculate"
    says = "Counts the used places of every seat again."
    question = "Counts all seats again from the stored enrollments and memberships. Nothing else changes."

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
