"""What the screens say about columns and options."""

from collections.abc import Iterator

from django.urls import reverse

from core.admin.groups.assigning import WHAT_THE_DIRECTIONS_DO
from core.errors import Refusal
from core.imports import batches, kinds
from core.imports.people.options import Options
from core.imports.report import Report
from core.models import Direction, ImportBatch, Role, Team, User

Kind = ImportBatch.Kind
GROUP_MATCHING = "Upload Group Matching"
# Field -> what its cells hold.
_OF_PEOPLE = {
    "email": "One address. Needed: people are told apart by it.",
    "name": "The whole name. Or use First name and Last name.",
    "team": "Names of teams.",
    "role": "One role, for the teams of the line. Empty: Student.",
    "group": "Names of Thinkific groups.",
    "tags": "Names of tags.",
    "enrollments": "Courses or bundles: the id in Thinkific, or the exact name.",
    "company": "A text, for new people only. So are Thinkific's custom profile fields, named as there.",
}
SEVERAL = "Separate several teams, groups, tags or enrollments in one cell by a semicolon: Sales; Support."


_OF_GROUPS = {
    "group": "Its Thinkific ID, its token, or its exact name. Needed.",
    "team": "The exact name of a team, or its ID. Needed.",
    "direction": f"{', '.join(Direction.labels)}. Empty: as it is, and Bidirectional for a new assignment.",
    "role": "For people who join the team from the group. Empty: as it is, and Student for a new assignment.",
}
CELLS: dict[str, dict[str, str]] = {Kind.USERS: _OF_PEOPLE, Kind.GROUP_MATCHING: _OF_GROUPS}
NOTES: dict[str, str] = {Kind.USERS: SEVERAL, Kind.GROUP_MATCHING: WHAT_THE_DIRECTIONS_DO}
A_ROW_FOR: dict[str, str] = {Kind.USERS: "each person", Kind.GROUP_MATCHING: "each group of a team"}
_TEMPLATES: dict[str, str] = {
    Kind.USERS: "admin:import_template",
    Kind.GROUP_MATCHING: "admin:group_matching_template",
}


def columns(kind: str) -> list[tuple[str, str]]:
    fields = kinds.of(kind).fields()
    return [(fields[name], says) for name, says in CELLS[kind].items()]


def templates(kind: str) -> list[tuple[str, str]]:
    """Returns the formats of the template with their addresses."""
    return [(ending.upper(), reverse(_TEMPLATES[kind], args=[ending])) for ending in ("csv", "xlsx")]


def figures(kind: str, report: Report) -> list[tuple[str, int]]:
    """Returns what is counted of the lines that can be imported."""
    if kind == Kind.GROUP_MATCHING:
        changed = report.changed
        there = report.existing - changed
        return [("New assignments", report.new), ("Changed assignments", changed), ("Already there", there)]
    return [("New people", report.new), ("Have an account", report.existing)]


def options_in_words(batch: ImportBatch, viewer: User) -> list[str]:
    """Returns the options of an import as sentences. A team that the viewer may not see has no name."""
    try:
        options = batches.options_of(batch)
    except Refusal:  # a kind that this version does not know
        return []
    if isinstance(options, Options):
        return list(_in_words(options, viewer))
    said = [
        "The matched groups are synced afterwards." if options.sync else "The groups are not synced at once."
    ]
    return said + ([f"Sheet: {options.sheet}."] if options.sheet else [])


def _in_words(options: Options, viewer: User) -> Iterator[str]:
    if options.existing == "update":
        yield "Names and roles of existing people are updated."
    else:
        yield "Names and roles of existing people stay."
    yield "E-mails are sent." if options.sends_emails else "No e-mails are sent."
    if options.create_teams:
        yield "Missing teams are created."
    if options.create_tags:
        yield "Missing tags are created."
    if options.in_thinkific:
        yield "New people get a Thinkific account."
    else:
        yield "Nobody gets a Thinkific account."
    if options.team is not None:
        team = Team.objects.visible_to(viewer).filter(pk=options.team).first()
        yield f"Everybody joins {team or 'a team that you cannot see'}."
    if options.role is not None:
        role = Role.objects.filter(pk=options.role).first()
        yield f"Where the file names no role: {role or 'a role that was deleted'}."
    if options.sheet:
        yield f"Sheet: {options.sheet}."
