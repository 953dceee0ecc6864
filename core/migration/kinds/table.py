"""The kinds, in the order in which they are applied."""

from core.migration.format import KINDS as NAMES
from core.migration.kinds.groups import GroupMatches
from core.migration.kinds.kind import Kind
from core.migration.kinds.memberships import Memberships
from core.migration.kinds.names import Organizations, PersonTags, Tags
from core.migration.kinds.notes import Notes
from core.migration.kinds.people import GlobalRoles, People
from core.migration.kinds.roles import Roles
from core.migration.kinds.seats import SeatAssignments, Seats
from core.migration.kinds.teams import Teams

_ALL: tuple[Kind, ...] = (
    Organizations(),
    People(),
    Teams(),
    Roles(),
    GlobalRoles(),
    Memberships(),
    Tags(),
    PersonTags(),
    Seats(),
    SeatAssignments(),
    GroupMatches(),
    Notes(),
)
KINDS: dict[str, Kind] = {name: {kind.name: kind for kind in _ALL}[name] for name in NAMES}
