"""Taking back what a line did, as far as nothing depends on it."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from django.db.models import F, Q

from core.errors import Refusal
from core.imports.chunks import chunked
from core.imports.people.write import REASON
from core.models import (
    Enrollment,
    GroupMembership,
    ImportBatch,
    ImportRow,
    Invitation,
    Membership,
    OutboxEntry,
    Role,
    Tag,
    Team,
    ThinkificGroup,
    User,
)
from core.permissions.students import WORKS_HERE
from core.services import groups, invitations, memberships, tags
from core.services.accounts import deletions
from core.services.accounts.personal_teams import ON_ITS_WAY
from core.services.enrollments import enrollments
from core.services.identity import UNUSABLE_PREFIX
from core.services.in_bulk import accounts
from core.services.in_bulk.accounts import Renaming
from core.services.storage import bulk
from core.services.teams import leaving, teams
from core.wording import plural

UNDONE = "an import was undone"
BEGUN = Q(percentage_completed__gt=0) | Q(started_at__isnull=False) | Q(completed_at__isnull=False)
CAME = Q(last_login__isnull=False) | Q(last_activity_at__isnull=False)
HAS_PASSWORD = ~(Q(password="") | Q(password__startswith=UNUSABLE_PREFIX))
# What a line did -> what the preview calls it.
NAMES = {
    "memberships": ("membership", "memberships"),
    "invitations": ("invitation", "invitations"),
    "roles": ("changed role", "changed roles"),
    "names": ("changed name", "changed names"),
    "tags": ("tag", "tags"),
    "groups": ("place in a group", "places in groups"),
    "enrollments": ("enrollment", "enrollments"),
}
STAYS = {"reopened": "access that was opened again stays"}


def preview(batch: ImportBatch) -> dict[str, Any]:
    """Returns what undoing would take back, and why it would leave what, as things are now."""
    goes, stays = Counter[str](), Counter[str]()
    rows = batch.rows.exclude(done={}).order_by("number").values_list("done", flat=True)
    for chunk in chunked(rows.iterator(chunk_size=1000), 1000):
        new = [done["user"] for done in chunk if done.get("new")]
        why = why_kept(new)
        gone = set(new) - set(User.objects.filter(bulk.among("pk", new)).values_list("pk", flat=True))
        for key in new:
            if key in why:
                stays[why[key]] += 1
            elif key not in gone:
                goes["account"] += 1
        for done in chunk:
            for name, (one, _) in NAMES.items():
                goes[one] += len(done.get(name, ()))
            for name, text in STAYS.items():
                stays[text] += len(done.get(name, ()))
            goes["team"] += len(done.get("teams", ()))
    many = dict(NAMES.values()) | {"account": "accounts", "team": "teams"}
    return {
        "goes": [plural(count, name, many[name]) for name, count in goes.items() if count],
        "stays": [{"why": why, "count": count} for why, count in stays.items() if count],
    }


def why_kept(keys: list[int]) -> dict[int, str]:
    """Returns why these new accounts (primary keys) stay, by account; without those that can go."""
    users = User.objects.filter(bulk.among("pk", keys))
    of = {"user__in": users}
    there = Enrollment.objects.filter(**of)
    asked: list[tuple[str, Any]] = [
        ("was changed, or joined other teams, since", _changed_since(keys)),
        ("is in a group of Thinkific", _users(GroupMembership.objects.filter(push_state="clean", **of))),
        ("was enrolled since", _users(there.exclude(origin=Enrollment.Origin.IMPORT))),
        ("is enrolled in Thinkific", _users(there.filter(thinkific_id__isnull=False))),
        ("has begun a course", _users(there.filter(BEGUN))),
        ("has notes", _users(users.filter(notes__isnull=False), "pk")),
        ("is in Thinkific", _users(users.filter(thinkific_id__isnull=False), "pk")),
        ("is being made in Thinkific", _being_made(keys)),
        ("has rights here", _users(users.filter(WORKS_HERE | Q(owned_teams__isnull=False)), "pk")),
        ("has a password", _users(users.filter(HAS_PASSWORD), "pk")),
        ("has signed in", _users(users.filter(CAME), "pk")),
    ]
    return {key: why for why, found in asked for key in found}


def _users(rows: Any, name: str = "user") -> set[int]:
    return set(rows.order_by().values_list(name, flat=True))


def _changed_since(keys: list[int]) -> set[int]:
    changed = User.history.filter(bulk.among("id", keys)).exclude(history_change_reason=REASON)
    joined = Membership.history.filter(bulk.among("user_id", keys)).exclude(history_change_reason=REASON)
    return {*changed.values_list("id", flat=True), *joined.values_list("user_id", flat=True)}


def _being_made(keys: list[int]) -> set[int]:
    entries = OutboxEntry.objects.unsent().filter(bulk.among("object_id", keys), entity="user")
    return set(entries.filter(ON_ITS_WAY).values_list("object_id", flat=True))


def undo_row(row: ImportRow, *, by: User) -> list[str]:
    """Take back what a line did, in the caller's transaction. Returns what stays, in sentences."""
    done = row.done
    user = User.objects.filter(pk=done.get("user")).first()
    stays = list[str]()
    if done.get("new"):
        if user is not None:
            why = why_kept([user.pk]).get(user.pk, "")
            stays += [f"{user} {why}."] if why else _try(_delete, user, by)
        return stays
    for key in done.get("invitations", ()):
        if (open_one := Invitation.objects.filter(pk=key).first()) is not None:
            invitations.withdraw(open_one, by=by)
    if user is None:
        return stays
    for key in done.get("enrollments", ()):
        stays += _try(_end, user, key, by)
    for key in done.get("groups", ()):
        stays += _try(_leave_group, user, key, by)
    tags.remove_tags([user], list(Tag.objects.filter(pk__in=done.get("tags", ()))), by=by)
    for change in done.get("roles", ()):
        stays += _try(_change_back, change, by)
    for before in done.get("names", ()):
        stays += _try(_rename_back, user, before, by)
    for key in done.get("memberships", ()):
        stays += _try(_leave_team, user, key, by)
    stays += [f"{user}: {STAYS[name]}." for name in STAYS if done.get(name)]
    return stays


def _try(step: Callable[..., str | None], *args: Any) -> list[str]:
    """Returns why the step was not taken. A refusal writes nothing: each service is one transaction."""
    try:
        why = step(*args)
    except Refusal as refusal:
        why = str(refusal)
    return [why] if why else []


def _delete(user: User, by: User) -> None:
    deletions.take_back(user, by=by, reason=UNDONE)


def _archive(team: Team, by: User) -> None:
    teams.archive(team, by=by)


def _end(user: User, key: int, by: User) -> str | None:
    found = Enrollment.objects.filter(pk=key, user=user).select_related("product").first()
    if found is None:
        return None
    if Enrollment.objects.filter(BEGUN, pk=key).exists():
        return f"{user} has begun {found.product} and stays enrolled."
    enrollments.expire([found], by=by)
    return None


def _leave_group(user: User, key: int, by: User) -> str | None:
    group = ThinkificGroup.objects.filter(pk=key).first()
    found = GroupMembership.objects.filter(group=key, user=user, removed_at__isnull=True).first()
    if group is None or found is None:
        return None
    if why := groups.why_not_removable(found):
        return f"{user} stays in {group}: {why}"
    groups.remove_member(found, by=by)
    return None


def _change_back(change: list[int], by: User) -> str | None:
    key, before, after = change
    found = Membership.objects.filter(pk=key).select_related("team", "user", "role").first()
    role = Role.objects.filter(pk=before).first()
    if found is None:
        return None
    if role is None or found.role_id != after:
        return f"{found.user} stays {found.role} in {found.team}: the role was changed since."
    memberships.change_role(found, role=role, by=by)
    return None


def _rename_back(user: User, names: list[str], by: User) -> str | None:
    first, last, *now = names
    if [user.first_name, user.last_name] != now:
        return f"{user} keeps the name: it was changed since."
    accounts.rename([Renaming(user.pk, first, last)], by=by, reason=UNDONE)
    return None


def _leave_team(user: User, key: int, by: User) -> str | None:
    found = Membership.objects.filter(pk=key, user=user).select_related("team").first()
    if found is None:
        return None
    leaving.remove_members(team=found.team, users=[user], by=by, reason=UNDONE)
    return None


def finish(batch: ImportBatch, *, by: User) -> list[str]:
    """Archive the teams that the import has made, where nobody but the owner is left. Returns what stays."""
    keys = [
        key
        for done in batch.rows.exclude(done={}).values_list("done", flat=True)
        for key in done.get("teams", ())
    ]
    stays = []
    for team in Team.objects.filter(pk__in=keys, archived_at__isnull=True):
        if team.memberships.exclude(user=F("team__owner")).exists() or team.seat_assignments.exists():
            stays.append(f"The team {team} is used and stays.")
        else:
            stays += _try(_archive, team, by)
    return stays
