"""What can be imported: each kind is a module with the functions of core/imports/people/kind.py."""

from types import ModuleType

from core.errors import Refusal
from core.imports.group_matching import kind as group_matching
from core.imports.people import kind as people
from core.models import ImportBatch, User
from core.permissions import scope

KINDS: dict[str, ModuleType] = {
    ImportBatch.Kind.USERS: people,
    ImportBatch.Kind.GROUP_MATCHING: group_matching,
}
# Kind -> the permissions that importing it needs, each in a team at least.
CODES: dict[str, tuple[str, ...]] = {
    ImportBatch.Kind.USERS: ("tools.csv",),
    ImportBatch.Kind.GROUP_MATCHING: ("tools.csv", "groups.assign"),
}


def may_import(viewer: User, kind: str = ImportBatch.Kind.USERS) -> bool:
    return all(scope.holds(viewer, code) for code in CODES[kind])


def of(kind: str) -> ModuleType:
    """Returns the module of a kind. Raises Refusal for one that cannot be imported."""
    found = KINDS.get(kind)
    if found is None:
        raise Refusal(f"Files of the kind “{kind}” cannot be imported.")
    return found
