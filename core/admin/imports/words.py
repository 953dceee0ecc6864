"""What the screens say about columns and options."""

from collections.abc import Iterator

from core.errors import Refusal
from core.imports import batches
from core.imports.people.columns import FIELDS
from core.imports.people.options import Options
from core.models import ImportBatch, Role, Team, User

# Field -> what its cells hold.
CELLS = {
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


def columns() -> list[tuple[str, str]]:
    return [(FIELDS[name], says) for name, says in CELLS.items()]


def options_in_words(batch: ImportBatch, viewer: User) -> list[str]:
    """Returns the options of an import as sentences. A team that the viewer may not see has no name."""
    try:
        options = batches.options_of(batch)
    except Refusal:  # a kind that this version does not know
        return []
    if isinstance(options, Options):
        return list(_in_words(options, viewer))
    return ["The matched groups are synced afterwards."] if getattr(options, "sync", False) else []


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
