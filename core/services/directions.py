"""Who owns what: the one table that both doors ask (what we push, what a pull may overwrite)."""

from django.db.models import Model

from core.models import Enrollment, GroupMembership, ThinkificGroup, User

# Per entity the fields whose unsent changes a pull must leave alone. What is not here is Thinkific's.
OWNED_WHILE_UNSENT: dict[str, frozenset[str]] = {
    "user": frozenset({"first_name", "last_name", "email"}),
    "enrollment": frozenset({"activated_at", "expiry_date"}),
}
# On these a conflict goes by the setting; on the others the unsent change always wins.
CONFLICT_BY_SETTING = frozenset({"user"})

# Directions of a group assignment.
PUSHING = ("bidirectional", "dashboard_to_thinkific")
PULLING = ("bidirectional", "thinkific_to_dashboard")

PUSHED: tuple[type[Model], ...] = (User, Enrollment, ThinkificGroup, GroupMembership)


def pushes(instance: Model) -> bool:
    """Whether a change of this object is for Thinkific to know at all."""
    if isinstance(instance, GroupMembership):
        return pushes_group(instance.group_id)
    return isinstance(instance, PUSHED)


def pushes_group(group_id: int) -> bool:
    """Whether any team's assignment sends this group's members to Thinkific."""
    group = ThinkificGroup.objects.prefetch_related("assignments").get(pk=group_id)
    return any(assignment.direction in PUSHING for assignment in group.assignments.all())


def owned_fields(entity: str) -> frozenset[str]:
    return OWNED_WHILE_UNSENT.get(entity, frozenset())
