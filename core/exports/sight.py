"""What a person may see, as far as their rights say it, to compare it with a later moment: a file that was
made with more rights than its owner has now is not handed out."""

from typing import Any

from core.models import User
from core.permissions import scope
from core.permissions.backend import codes_by_team

CHANGED = (
    "You may see less now than when this file was made, so it can no longer be downloaded. Export the list "
    "again."
)


def of(viewer: User) -> dict[str, Any]:
    """Returns the rights as values for JSON."""
    return {
        "everything": viewer.sees_everything,
        "superuser": viewer.is_superuser,
        "codes": sorted(scope.codes_everywhere(viewer)),
        "teams": {str(team): sorted(codes) for team, codes in codes_by_team(viewer).items()},
    }


def covers(now: dict[str, Any], then: dict[str, Any]) -> bool:
    """Whether somebody sees as much now as then. Whoever sees everything sees each team too."""
    if now["superuser"]:
        return True
    if then["superuser"] or (then["everything"] and not now["everything"]):
        return False
    if now["everything"]:
        return set(then["codes"]) <= set(now["codes"])
    return all(set(codes) <= set(now["teams"].get(team, ())) for team, codes in then["teams"].items())
