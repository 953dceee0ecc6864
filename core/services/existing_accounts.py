"""New accounts whose e-mail address turns out to have had an account in Thinkific already."""

from collections.abc import Collection

from django.db import transaction
from django.utils import timezone

from core.models import Membership, OutboxEntry, User
from core.services import invitations
from core.services.history import record_initial_state, signed
from core.services.storage import bulk

IN_THINKIFIC_BEFORE = "had an account in Thinkific before"


@transaction.atomic
def found_in_thinkific(users: Collection[int]) -> set[int]:
    """Handle that these users (primary keys) had an account in Thinkific before they had one here.

    Whoever typed the address here did not make the person's account, so these users lose their home team.
    Call it where the two accounts are linked. Those whom a team manager added are removed from their teams
    and invited instead, as everybody who has an account, and the names that the manager typed are not sent.
    Returns the primary keys of the users that team managers added.
    """
    homes = User.objects.select_for_update(of=("self",)).filter(home_team__isnull=False)
    found = list(homes.filter(bulk.among("pk", users)).order_by("pk")) if users else []
    if not found:
        return set()
    for user in found:
        user.home_team = None
    rows = User.objects.filter(bulk.among("pk", [user.pk for user in found]))
    record_initial_state(User, [user.pk for user in found])
    rows.update(home_team=None, remote_digest=None)
    User.history.bulk_history_create(found, update=True, default_change_reason=IN_THINKIFIC_BEFORE)
    added = _added_by_managers(found)
    waiting = OutboxEntry.objects.filter(status=OutboxEntry.Status.PENDING, entity="user")
    waiting.filter(object_id__in=list(added)).update(
        status=OutboxEntry.Status.DISCARDED, finished_at=timezone.now()
    )
    memberships = Membership.objects.filter(user__in=list(added), as_guest=False)
    for membership in memberships.select_related("team", "role", "user").order_by("pk"):
        invitations.replace_membership(membership, by=added[membership.user_id], reason=IN_THINKIFIC_BEFORE)
    return set(added)


@transaction.atomic
def replace_names(user: User, *, first_name: str, last_name: str) -> None:
    """Replace the names that somebody typed here by those that Thinkific has."""
    user = User.objects.select_for_update(of=("self",)).get(pk=user.pk)  # history keeps the whole row
    user.first_name, user.last_name = first_name, last_name
    signed(user, by=None, reason=IN_THINKIFIC_BEFORE).save(update_fields=[*User.NAMES, "updated_at"])


def _added_by_managers(users: list[User]) -> dict[int, User]:
    """Returns the users whose account a team manager made: the user's primary key and that manager."""
    made = User.history.filter(bulk.among("id", [user.pk for user in users]), history_type="+")
    made = made.filter(history_user__isnull=False, history_user__is_superuser=False)
    made = made.filter(history_user__global_role__isnull=True).select_related("history_user")
    return {row.id: row.history_user for row in made}
