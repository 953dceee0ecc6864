"""What the issuer of a token may do: the rights that the screens ask for, in all teams."""

from core.errors import NotAllowed
from core.models import User
from core.permissions import scope
from core.permissions.codes import PERMISSIONS


def check(issuer: User, *codes: str) -> None:
    """Raises NotAllowed unless the issuer holds these permissions in all teams."""
    held = scope.codes_everywhere(issuer)
    for code in codes:
        if code not in held:
            label = PERMISSIONS[code].label
            raise NotAllowed(f"The issuer of this token may not do that: it needs “{label}” in all teams.")
