"""What is asked once for a whole file."""

from dataclasses import dataclass
from typing import Literal

from core.imports.options import Stored

Existing = Literal["update", "leave"]


@dataclass(frozen=True)
class Options(Stored):
    """`existing`: whether the names and roles of people who exist already are taken from the file. In both
    cases they join the teams of their line, and get its tags, groups and enrollments.

    E-mails are sent only where they are allowed and not prohibited: both together send nothing.
    """

    create_teams: bool = False
    create_tags: bool = False
    existing: Existing = "leave"
    allow_emails: bool = False
    prohibit_emails: bool = False
    in_thinkific: bool = True
    team: int | None = None  # everybody joins this team too (primary key)
    role: int | None = None  # of lines that name none (primary key); None: Student
    sheet: str = ""

    @property
    def sends_emails(self) -> bool:
        return self.allow_emails and not self.prohibit_emails
