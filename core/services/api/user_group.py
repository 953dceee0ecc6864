"""The Thinkific group of a user of the published API: assigned to the personal team."""

from django.db import transaction

from core.errors import NotAllowed, Refusal
from core.models import Direction, GroupAssignment, Role, ThinkificGroup, User
from core.permissions import scope
from core.services import groups
from core.services.api import rights, users
from core.services.site import sync_requests


class SeveralGroups(Refusal):
    field = "name"


class BadGroupName(Refusal):
    field = "name"


class SyncUnderWay(Refusal):
    status = 409


@transaction.atomic
def assign(user: User, name: str, *, by: User) -> ThinkificGroup:
    """Make the group with this name the user's group; it is made if there is none, here and in Thinkific,
    where one that is there already is taken (the push looks for the name first).

    Students who join the user from now on are put into it. Nobody else is: neither the user nor the students
    who are there. The assignment of a former group ends, and everybody stays in that group.
    """
    rights.check(by, "groups.assign")
    team = users.team_of(user, by=by)
    group = _named(name, by)
    former = GroupAssignment.objects.select_for_update(of=("self",)).filter(team=team)
    for assignment in former.exclude(group=group).order_by("pk"):
        groups.unassign(assignment, by=by)
    if not former.filter(group=group).exists():
        direction = Direction.DASHBOARD_TO_THINKIFIC
        groups.assign(group=group, team=team, direction=direction, send_members=False, by=by)
    return group


@transaction.atomic
def import_members(user: User, group: ThinkificGroup, *, by: User) -> int:
    """Start a run that makes the members whom the group has in Thinkific students of the user. Returns its
    primary key. Raises NotConnected, NotAllowed, and SyncUnderWay while a run does something else."""
    if not scope.may_start_runs(by):
        raise NotAllowed("The issuer of this token may not start imports from Thinkific.")
    team = users.team_of(user, by=by)
    student = Role.objects.get(code="student")
    mapping = {"group_id": group.pk, "team_id": team.pk, "role_id": student.pk}
    options = {"group_id": group.pk, "mappings": [mapping]}
    try:
        return sync_requests.request("groups", started_by=by, options=options).run_id
    except sync_requests.Busy:
        raise SyncUnderWay(
            "Another sync of the groups is under way, so nothing was changed. Repeat the call when it has "
            "ended, in a few minutes."
        ) from None


def _named(name: str, by: User) -> ThinkificGroup:
    found = _only(name)
    if found is not None:
        return found
    try:
        return groups.create(name=name, by=by)
    except Refusal as refusal:
        if (found := _only(name)) is not None:  # made by another call at this moment
            return found
        raise BadGroupName(str(refusal)) from None


def _only(name: str) -> ThinkificGroup | None:
    """Returns the group with this name, ignoring case; the one in the same case first. Raises SeveralGroups
    when Thinkific has several."""
    rows = list(ThinkificGroup.named(name).filter(removed_at__isnull=True).order_by("pk"))
    exactly = [group for group in rows if group.name == name] or rows
    if len(exactly) > 1:
        raise SeveralGroups(f"{len(exactly)} groups are called “{name}”. Rename them in Thinkific first.")
    return exactly[0] if exactly else None
