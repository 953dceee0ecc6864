"""What can be imported: each kind is a module with the functions of core/imports/people/kind.py."""

from types import ModuleType

from core.errors import Refusal
from core.imports.group_matching import kind as group_matching
from core.imports.people import kind as people
from core.models import ImportBatch

KINDS: dict[str, ModuleType] = {
    ImportBatch.Kind.USERS: people,
    ImportBatch.Kind.GROUP_MATCHING: group_matching,
}


def of(kind: str) -> ModuleType:
    """Returns the module of a kind. Raises Refusal for one that cannot be imported."""
    found = KINDS.get(kind)
    if found is None:
        raise Refusal(f"Files of the kind “{kind}” cannot be imported.")
    return found
