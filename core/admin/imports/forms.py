"""The forms of all ways to import: the file, and what is asked once for all of its lines."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminRadioSelectWidget, UnfoldAdminSelectWidget

from core.admin.imports.access import teams_for
from core.admin.kit.dialogs.fields import picked, switch
from core.admin.kit.dialogs.pickers import PickingForm
from core.imports.group_matching.options import Options as MatchingOptions
from core.imports.people.options import Options
from core.imports.reading.table import LARGEST_FILE
from core.models import ImportBatch, Membership, Role, Team, User
from core.permissions import scope

NO_FILE = "Choose a CSV or XLSX file."
ACCEPT = ".csv,.tsv,.txt,.xlsx,text/csv"


class FileForm(PickingForm):
    # An empty file is refused by what reads it, in words that help.
    file = forms.FileField(
        label="File",
        allow_empty_file=True,
        error_messages={"required": NO_FILE, "missing": NO_FILE, "invalid": NO_FILE},
        widget=forms.FileInput(attrs={"accept": ACCEPT, "class": "import-file"}),
        help_text=f"CSV or XLSX, smaller than {LARGEST_FILE // 1_000_000} MB. Drop it here, or choose it.",
    )

    def __init__(self, *args: Any, viewer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.viewer = viewer

    def team_for(self) -> Team | None:
        """Returns the team that everybody in the file joins."""
        found: Team | None = self.cleaned_data.get("team")
        return found


class PeopleFileForm(FileForm):
    team = picked(Membership.team, "Assign to Team", required=False)

    def __init__(self, *args: Any, viewer: User, **kwargs: Any) -> None:
        super().__init__(*args, viewer=viewer, **kwargs)
        teams = teams_for(viewer)
        field: Any = self.fields["team"]
        field.queryset = teams
        field.help_text = (
            "Everybody in the file joins it, besides the teams that the file names."
            if viewer.sees_everything
            else "Everybody in the file joins it. Without it the file must name a team for everybody."
        )
        only = list(teams[:2])
        if len(only) == 1:
            field.initial = only[0].pk


class OptionsForm(PickingForm):
    """What is asked once for the whole file."""

    existing = forms.ChoiceField(
        label="People who have an account already",
        choices=[
            ("leave", "Leave their names and roles as they are"),
            ("update", "Take names and roles from the file"),
        ],
        widget=UnfoldAdminRadioSelectWidget(),
        help_text="In both cases they join their teams, and get the tags, groups and enrollments.",
    )
    emails = forms.ChoiceField(
        label="E-mails",
        choices=[
            ("no", "Send no e-mails"),
            ("yes", "Send welcome e-mails and invitations"),
        ],
        widget=UnfoldAdminRadioSelectWidget(),
    )
    team = picked(
        Membership.team,
        "Assign to Team",
        required=False,
        help_text="Everybody in the file joins it, besides the teams that the file names.",
    )
    role = forms.ModelChoiceField(
        label="Role where the file names none",
        queryset=Role.objects.none(),
        required=False,
        empty_label="Student",
        widget=UnfoldAdminSelectWidget(),
    )
    create_teams = switch("Create missing teams", "Team names that do not exist yet become teams of yours.")
    create_tags = switch("Create missing tags", "Tags that do not exist yet are made.")
    in_thinkific = switch("In Thinkific too", "New people get a Thinkific account, so that they can learn.")

    def __init__(self, data: Any = None, *, viewer: User, options: Options, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.viewer = viewer
        team: Any = self.fields["team"]
        team.queryset, team.initial = teams_for(viewer), options.team
        role: Any = self.fields["role"]
        role.queryset, role.initial = scope.roles_to_give(viewer).exclude(code="student"), options.role
        self.fields["existing"].initial = options.existing
        self.fields["emails"].initial = "yes" if options.sends_emails else "no"
        for name in ("create_teams", "create_tags", "in_thinkific"):
            self.fields[name].initial = getattr(options, name)
        if "teams.create" not in scope.codes_everywhere(viewer):
            del self.fields["create_teams"]
        if not scope.holds(viewer, "tags.assign"):
            del self.fields["create_tags"]

    def chosen(self, sheet: str) -> Options:
        """Returns the options of a valid form."""
        said = self.cleaned_data
        team, role = said["team"], said["role"]
        return Options(
            create_teams=said.get("create_teams", False),
            create_tags=said.get("create_tags", False),
            existing=said["existing"],
            allow_emails=said["emails"] == "yes",
            in_thinkific=said["in_thinkific"],
            team=team and team.pk,
            role=role and role.pk,
            sheet=sheet,
        )


class MatchingOptionsForm(PickingForm):
    """The same for a file that assigns groups to teams."""

    sync = switch(
        "Sync the matched groups at once",
        "When the import has ended, the members of the groups are read from Thinkific. They join their teams "
        "where the direction says so.",
    )

    def __init__(self, data: Any = None, *, viewer: User, options: MatchingOptions, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.viewer = viewer
        self.fields["sync"].initial = options.sync
        if not scope.may_start_runs(viewer):
            del self.fields["sync"]

    def chosen(self, sheet: str) -> MatchingOptions:
        return MatchingOptions(sync=self.cleaned_data.get("sync", False), sheet=sheet)


OPTIONS_FORMS: dict[str, Any] = {
    ImportBatch.Kind.USERS: OptionsForm,
    ImportBatch.Kind.GROUP_MATCHING: MatchingOptionsForm,
}


def options_form(request: Any, batch: ImportBatch, options: Any, viewer: User) -> Any:
    """Returns the form, with what was sent or with the options of the import."""
    data = request.POST if request.method == "POST" else None
    form = OPTIONS_FORMS[batch.kind](data, viewer=viewer, options=options)
    form.set_search_url(request.path)
    form.list_choices()
    return form
