"""The columns of a file that assigns groups to teams, and which header means which."""

from collections.abc import Sequence

from core.imports import mapping
from core.imports.mapping import Columns

FIELDS = {"group": "Group", "team": "Team", "direction": "Direction", "role": "Role on joining"}
REQUIRED = ("group", "team")
TEMPLATE = ["Group", "Team", "Direction", "Role"]

# The usual headers in English, German, French and Spanish, as `mapping.plain` returns them.
_SYNONYMS = {
    "group": """group groups groupname groupid grouptoken token thinkificgroup thinkificgroupid thinkificid
        gruppe gruppenname groupe nomdugroupe grupo nombredelgrupo""",
    "team": "team teamname teamid dashboardteam equipe nomdelequipe equipo nombredelequipo mannschaft",
    "direction": "direction syncdirection sync richtung sens direccion",
    "role": "role rolename roleonjoining rolle roledansequipe rol funcion",
}
_MEANING = mapping.meanings(_SYNONYMS)


def fields() -> dict[str, str]:
    """Returns what a column can mean, by name."""
    return FIELDS


def guess(headers: Sequence[str]) -> Columns:
    """Returns what each header means, as far as it is known."""
    return mapping.first_of_each(_MEANING.get(mapping.plain(header)) for header in headers)


def problem_with(columns: Columns, headers: Sequence[str]) -> str:
    """Returns what is wrong with a mapping, in a sentence; empty when it can be used."""
    if why := mapping.problem_with(columns, headers, FIELDS):
        return why
    for field in REQUIRED:
        if field not in columns.values():
            return f"No column is mapped to {FIELDS[field]}. Choose the column that names it."
    return ""
