"""What a viewer may import at all."""

from core.errors import Refusal
from core.imports.people.options import Options
from core.models import User
from core.permissions import scope


class NotPossible(Refusal):
    """The import as a whole cannot be carried out (any more) by this viewer, or with these options."""


def check_options(viewer: User, options: Options) -> None:
    """Raises NotPossible when the viewer cannot import people at all, or not with these options."""
    if not scope.holds(viewer, "tools.csv"):
        raise NotPossible("You cannot import CSV files. Ask an administrator.")
    if options.create_teams and "teams.create" not in scope.codes_everywhere(viewer):
        raise NotPossible("You cannot make teams. Do not let the import create missing teams.")
    if options.create_tags and not scope.holds(viewer, "tags.assign"):
        raise NotPossible("You cannot tag people. Do not let the import create missing tags.")
    if options.role is not None and not scope.roles_to_give(viewer).filter(pk=options.role).exists():
        raise NotPossible("You cannot give the role that was chosen for everybody. Choose another.")
