"""Who may have all that is held about a person: the file has what many screens show, the history included."""

from core.models import User
from core.permissions import scope

NEEDED = ("core.export_reports", "core.view_user", "core.view_history", "core.view_note")


def may_export(viewer: User, person: User) -> bool:
    """Whether the viewer sees everything about the person, and may export. Nobody but a superuser has it of a
    superuser."""
    if person.is_superuser and not viewer.is_superuser:
        return False
    return all(scope.holds_for_the_site(viewer, permission) for permission in NEEDED)
