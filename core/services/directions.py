"""Which changes are sent to Thinkific, and which fields a pull may overwrite. Services and mirror ask
here."""

from collections.abc import Collection, Iterable

from django.db.models import Model

from core.models import Direction, Enrollment, GroupAssignment, GroupMembership, ThinkificGroup, User

# For each entity the fields that a pull does not overwrite while they have an unsent change. A pull
# overwrites all other fields.
OWNED_WHILE_UNSENT: dict[str, frozenset[str]] = {
    "user": frozenset(User.SHARED),
    "enrollment": frozenset({"activated_at", "expiry_date"}),
}
# For these entities the setting says who wins a conflict; for the others our unsent change always wins.
CONFLICT_BY_SETTING = frozenset({"user"})

# Directions of a group assignment.
PUSHING = tuple(direction for direction in Direction if direction.pushes)
PULLING = tuple(direction for direction in Direction if direction.pulls)

PUSHED: tuple[type[Model], ...] = (User, Enrollment, ThinkificGroup, GroupMembership)


def pushed(objects: Iterable[Model]) -> list[Model]:
    """Returns the objects whose changes are sent to Thinkific."""
    ours = [instance for instance in objects if isinstance(instance, PUSHED)]
    groups = {instance.group_id for instance in ours if isinstance(instance, GroupMembership)}
    if not groups:
        return ours
    sent = pushing_groups(groups)
    return [one for one in ours if not isinstance(one, GroupMembership) or one.group_id in sent]


def pushing_groups(groups: Iterable[int]) -> set[int]:
    """Returns the groups (primary keys) that at least one assignment sends members to."""
    rows = GroupAssignment.objects.filter(group__in=groups, direction__in=PUSHING).order_by()
    return set(rows.values_list("group", flat=True))


def sending_groups(team: int) -> list[int]:
    """Returns the groups (primary keys) that this team (primary key) sends its members to."""
    rows = GroupAssignment.objects.filter(team=team, direction__in=PUSHING, group__removed_at__isnull=True)
    return list(rows.order_by("group").values_list("group", flat=True))


def sending_by_team(teams: Collection[int]) -> dict[int, list[int]]:
    """`sending_groups` of several teams (primary keys), by team; without those that have none."""
    rows = GroupAssignment.objects.filter(direction__in=PUSHING, group__removed_at__isnull=True)
    found: dict[int, list[int]] = {}
    pairs = rows.filter(team__in=teams).order_by("team", "group").values_list("team", "group")
    for team, group in pairs:
        found.setdefault(team, []).append(group)
    return found


def owned_fields(entity: str) -> frozenset[str]:
    return OWNED_WHILE_UNSENT.get(entity, frozenset())
