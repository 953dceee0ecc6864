"""Who owns what: the one table that both doors ask (what we push, what a pull may overwrite)."""

from collections.abc import Iterable

from django.db.models import Model

from core.models import Direction, Enrollment, GroupAssignment, GroupMembership, ThinkificGroup, User

# Per entity the fields whose unsent changes a pull must leave alone. What is not here is Thinkific's.
OWNED_WHILE_UNSENT: dict[str, frozenset[str]] = {
    "user": frozenset(User.SHARED),
    "enrollment": frozenset({"activated_at", "expiry_date"}),
}
# On these a conflict goes by the setting; on the others the unsent change always wins.
CONFLICT_BY_SETTING = frozenset({"user"})

# Directions of a group assignment.
PUSHING = tuple(direction for direction in Direction if direction.pushes)
PULLING = tuple(direction for direction in Direction if direction.pulls)

PUSHED: tuple[type[Model], ...] = (User, Enrollment, ThinkificGroup, GroupMembership)


def pushed(objects: Iterable[Model]) -> list[Model]:
    """Those of these objects whose changes are for Thinkific to know at all."""
    ours = [instance for instance in objects if isinstance(instance, PUSHED)]
    groups = {instance.group_id for instance in ours if isinstance(instance, GroupMembership)}
    if not groups:
        return ours
    sent = pushing_groups(groups)
    return [one for one in ours if not isinstance(one, GroupMembership) or one.group_id in sent]


def pushing_groups(groups: Iterable[int]) -> set[int]:
    """Those of these groups (primary keys) whose members some team's assignment sends to Thinkific."""
    rows = GroupAssignment.objects.filter(group__in=groups, direction__in=PUSHING).order_by()
    return set(rows.values_list("group", flat=True))


def sending_groups(team: int) -> list[int]:
    """The groups (primary keys) to which this team sends its members."""
    rows = GroupAssignment.objects.filter(team=team, direction__in=PUSHING, group__removed_at__isnull=True)
    return list(rows.order_by("group").values_list("group", flat=True))


def owned_fields(entity: str) -> frozenset[str]:
    return OWNED_WHILE_UNSENT.get(entity, frozenset())
