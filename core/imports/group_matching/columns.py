"""The columns of a file that assigns groups to teams, and which header means which."""

import re
from collections.abc import Sequence

from core.folding import bare

Mapping = dict[int, str]  # column, from 0 -> field; a column that is left out is ignored

FIELDS = {"group": "Group", "team": "Team", "direction": "Direction", "role": "Role on joining"}
REQUIRED = ("group", "team")
TEMPLATE = ["Group", "Team", "Direction", "Role"]

# The usual headers in English, German, French and Spanish, as `_plain` returns them.
_SYNONYMS = {
    "group": """group groups groupname groupid grouptoken token thinkificgroup thinkificgroupid thinkificid
        gruppe gruppenname groupe nomdugroupe grupo nombredelgrupo""",
    "team": "team teamname teamid dashboardteam equipe nomdelequipe equipo nombredelequipo mannschaft",
    "direction": "direction syncdirection sync richtung sens direccion",
    "role": "role rolename roleonjoining rolle roledansequipe rol funcion",
}
_MEANING = {word: field for field, words in _SYNONYMS.items() for word in words.split()}
_NOT_A_LETTER = re.compile(r"[\W_]+")


def fields() -> dict[str, str]:
    """Returns what a column can mean, by name."""
    return FIELDS


def guess(headers: Sequence[str]) -> Mapping:
    """Returns what each header means, as far as it is known. A field is given once, to the first header that
    means it."""
    found: Mapping = {}
    for index, header in enumerate(headers):
        field = _MEANING.get(_NOT_A_LETTER.sub("", bare(header)))
        if field is not None and field not in found.values():
            found[index] = field
    return found


def problem_with(mapping: Mapping, headers: Sequence[str]) -> str:
    """Returns what is wrong with a mapping, in a sentence; empty when it can be used."""
    for index, field in mapping.items():
        if not 0 <= index < len(headers):
            return f"The file has no column {index + 1}. Map its columns again."
        if field not in FIELDS:
            return f"There is no field “{field}”. Choose one of {', '.join(FIELDS.values())}."
    for field, label in FIELDS.items():
        chosen = [headers[index] for index, name in sorted(mapping.items()) if name == field]
        if len(chosen) > 1:
            return f"“{chosen[0]}” and “{chosen[1]}” are both mapped to {label}. Choose one of them."
        if field in REQUIRED and not chosen:
            return f"No column is mapped to {label}. Choose the column that names it."
    return ""


def ignored(mapping: Mapping, headers: Sequence[str]) -> list[str]:
    """Returns the headers of the columns that are not imported."""
    return [header for index, header in enumerate(headers) if header and index not in mapping]
