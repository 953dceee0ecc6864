"""The ways to import a file: what each is for, and its addresses."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.models import ImportBatch


@dataclass(frozen=True)
class Way:
    slug: str
    kind: str
    # Names of addresses: the first page; a file with what its validation found; a file whose columns must be
    # chosen first.
    first: str
    review: str
    columns: str
    in_tools: bool = False  # only for whoever may use Tools


BY_USERS = Way(
    "users", ImportBatch.Kind.USERS, "admin:import_new", "admin:import_review", "admin:import_columns"
)
BY_TOOLS = Way(
    "tools",
    ImportBatch.Kind.USERS,
    "admin:tools_csv",
    "admin:tools_csv_file",
    "admin:tools_csv_file",
    in_tools=True,
)
BY_GROUPS = Way(
    "groups",
    ImportBatch.Kind.GROUP_MATCHING,
    "admin:group_matching",
    "admin:group_matching_file",
    "admin:group_matching_file",
)
WAYS = {way.slug: way for way in (BY_USERS, BY_TOOLS, BY_GROUPS)}


def sent(data: Mapping[str, str]) -> Way:
    """Returns the way that a form belongs to (`way`)."""
    return WAYS.get(data.get("way", ""), BY_USERS)
