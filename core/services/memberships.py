"""Members of teams: adding them and changing their roles; `teams/leaving.py` removes them. Groups that push
to Thinkific get the same members."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from core.errors import Refusal, names
from core.models import Invitation, Membership, Role, SiteSettings, Team, User
from core.permissions import scope
from core.permissions.overrides import DENY, effective
from core.services import groups, webhooks
from core.services.directions import sending_by_team, sending_groups
from core.services.history import record_many, signed
from core.services.storage import bulk


class TeamIsFull(Refusal):
    status = 409


@transaction.atomic
def add_member(
    *,
    team: Team,
    user: User,
    role: Role,
    by: User | None = None,
    reason: str = "joined the team",
    as_guest: bool | None = None,
    beyond_limit: bool = False,
) -> Membership:
    """Make a user a member of the team and of its groups that push. A member gets the new role instead.

    Raises Refusal when the role is global, the team is archived or the team has no room for a student.
    `as_guest` None: the user becomes a guest when `by` may not see more of them than memberships.
    `beyond_limit`: a full team takes the student too, as the Student API always may.
    """
    team = _locked(team.pk)
    membership = Membership.objects.filter(team=team, user=user).first()
    if membership is not None and team.archived_at is None:
        return change_role(membership, role=role, by=by)
    check_takes(team, role, beyond_limit=beyond_limit)
    if as_guest is None:
        as_guest = by is not None and not User.objects.own_people_of(by).filter(pk=user.pk).exists()
        _check_guests([user] if as_guest else [], role, by=by)
    membership = Membership(
        team=team, user=user, role=role, as_guest=as_guest, overrides=scope.starting_overrides(role)
    )
    signed(membership, by=by, reason=reason).save()
    # An open invitation to this team has become pointless.
    for invitation in Invitation.objects.filter(team=team, user=user):
        signed(invitation, by=by, reason="joined the team").delete()
    groups.add_to_groups(sending_groups(team.pk), [user], by=by, reason=f"joined {team}")
    webhooks.emit("membership.created", [membership])
    return membership


@transaction.atomic
def add_members(
    *,
    team: Team,
    users: Iterable[User],
    role: Role,
    by: User,
    reason: str = "joined the team",
    beyond_limit: bool = False,
) -> list[Membership]:
    """`add_member` for several users, all or none, except that members keep their role. Returns the new
    memberships."""
    _check_role(role, team)
    team = _locked(team.pk)
    people = {user.pk: user for user in users}
    there = Membership.objects.filter(team=team, user__in=people).values_list("user", flat=True)
    new = [people[key] for key in sorted(people.keys() - set(there))]
    if not new:
        return []
    check_takes(team, role, how_many=len(new), beyond_limit=beyond_limit)
    own = set(User.objects.own_people_of(by).filter(pk__in=people).values_list("pk", flat=True))
    _check_guests([user for user in new if user.pk not in own], role, by=by)
    overrides = scope.starting_overrides(role)
    rows = [Joining(team.pk, user.pk, role.pk, user.pk not in own, overrides) for user in new]
    keys = join(rows, by=by, reason=reason)
    joined = Membership.objects.filter(bulk.among("pk", keys)).select_related("team", "user", "role")
    return list(joined.order_by("pk"))


class Joining(NamedTuple):
    """A membership to be written; primary keys."""

    team: int
    user: int
    role: int
    as_guest: bool
    overrides: dict[str, str] | None


def join(rows: Sequence[Joining], *, by: User | None, reason: str = "joined the team") -> list[int]:
    """Write memberships and what follows from them: groups that push get the members, open invitations end.
    Returns their primary keys. The number of statements does not depend on the number of members.

    The caller has locked the teams and made the checks of `add_member`. Call it in the caller's transaction.
    """
    if not rows:
        return []
    keys = bulk.insert(Membership, ["team_id", "user_id", "role_id", "as_guest", "overrides"], rows)
    joined = Membership.objects.filter(bulk.among("pk", keys))
    record_many(joined, "+", by=by, reason=reason)
    pairs = [(row.team, row.user) for row in rows]
    # Open invitations to these teams have become pointless.
    for invitation in Invitation.objects.filter(bulk.Among("team_id", "user_id", rows=pairs)):
        signed(invitation, by=by, reason="joined the team").delete()
    for team, served in sending_by_team({row.team for row in rows}).items():
        members = [row.user for row in rows if row.team == team]
        people = list(User.objects.filter(bulk.among("pk", members)).order_by("pk"))
        named = Team.objects.get(pk=team)
        groups.add_to_groups(served, people, by=by, reason=f"joined {named}")
    webhooks.emit("membership.created", joined.select_related("team", "user", "role").order_by("pk"))
    return keys


@transaction.atomic
def change_role(membership: Membership, *, role: Role, by: User | None = None) -> Membership:
    """Give a member another role. What is denied to the member stays denied; what was allowed beyond the role
    is not. Raises Refusal for the team's owner (use `teams.change_owner`), and when the team has no room for
    another student."""
    if membership.role_id == role.pk:
        return membership
    _check_role(role, membership.team)
    team = _locked(membership.team_id)
    if team.owner_id == membership.user_id and role.code != "owner":
        raise Refusal(f"{membership.user} owns {team}. Make somebody else the owner first.")
    if role.code == "student":
        _check_room(team)
    _check_guests([membership.user] if membership.as_guest else [], role, by=by)
    membership.role = role
    denied = {code: DENY for code, effect in (membership.overrides or {}).items() if effect == DENY}
    membership.overrides = {**(scope.starting_overrides(role) or {}), **denied} or None
    signed(membership, by=by, reason="role changed").save(update_fields=["role", "overrides"])
    return membership


def removable(memberships: QuerySet[Membership]) -> QuerySet[Membership]:
    """Returns the memberships that `leaving.remove_members` can end: not those of owners, and a user's last
    one only when the settings name a default team that the user can join."""
    rows = memberships.exclude(team__owner=F("user"))
    elsewhere = Exists(Membership.objects.filter(user=OuterRef("user")).exclude(pk=OuterRef("pk")))
    default = SiteSettings.load().default_team_id
    return rows.filter(elsewhere) if default is None else rows.filter(elsewhere | ~Q(team=default))


def choose_default(by: User | None) -> str:
    """Returns how a default team is chosen, for the end of a sentence to this person."""
    where = "a default team in Settings, People and registration"
    own = by is not None and scope.holds_for_the_site(by, "core.change_sitesettings")
    return f"choose {where}" if own else f"ask an administrator to choose {where}"


def why_not_removable(membership: Membership, viewer: User) -> tuple[str, str]:
    """Returns why this member, who is not among `removable`, cannot leave: in a few words and in sentences.
    No query for each of several members."""
    team, default = membership.team, SiteSettings.load().default_team_id
    if team.owner_id == membership.user_id:
        helps = f"{team} needs an owner. Change Owner, for owners and administrators, makes it somebody else."
        return "Owner: cannot be removed", helps
    alone = "In no other team: cannot be removed"
    if default == team.pk:
        return alone, (
            "People who are in no other team stay in this one, the default team. Add the person to another "
            "team first."
        )
    return alone, (
        "Everybody is in a team, and there is no default team to go to. Add the person to another team "
        f"first, or {choose_default(viewer)}."
    )


def check_takes(team: Team, role: Role, *, how_many: int = 1, beyond_limit: bool = False) -> None:
    """Raises Refusal when the team cannot take so many people in this role: it is archived or, unless
    `beyond_limit`, has no room."""
    if why := why_not_taken(team, role, offered=_is_offered(role, team)):
        raise Refusal(why)
    if role.code == "student" and not beyond_limit:
        _check_room(team, how_many)


def why_not_taken(team: Team, role: Role, *, offered: bool) -> str:
    """Returns why nobody can join the team in this role; empty when people can. `offered`: whether the role
    is one for this team."""
    if role.is_global:
        return f"{role} is a global role. Choose one of the roles for teams."
    if not offered:
        return f"The role {role} is not offered in {team}. Choose another role."
    if team.archived_at is not None:
        return f"{team} is archived, and nobody can join it until an administrator restores it."
    return ""


def students_of(teams: Collection[int]) -> dict[int, int]:
    """Returns how many students these teams (primary keys) have; those without any are left out."""
    rows = Membership.objects.filter(bulk.among("team_id", teams), role__code="student")
    return dict(rows.order_by().values_list("team").annotate(Count("pk")))


def no_room(team: Team, students: int, how_many: int = 1) -> str:
    """Returns why the team takes no more students."""
    wanted = "another student" if how_many == 1 else f"{how_many:,} more students"
    return (
        f"{team} has no room for {wanted} ({students} of {team.max_members}). Remove somebody first, or ask "
        "an administrator for a higher limit."
    )


def _check_guests(guests: Sequence[User], role: Role, *, by: User | None) -> None:
    """Raises Refusal when a team manager gives guests a role with rights. With such a role the home team's
    manager could no longer change the account, so the guest has to accept it by an invitation."""
    if not guests or by is None or by.sees_everything:
        return
    if not effective(role.permissions, scope.starting_overrides(role)):
        return
    if len(guests) > 1:
        raise Refusal(
            f"{names(guests)} are guests: their accounts belong elsewhere. To make them {role}, invite "
            "each with this role, or ask an administrator."
        )
    raise Refusal(
        f"{guests[0]} is a guest: the account belongs elsewhere. To make them {role}, remove them from the "
        "team and invite them with this role, or ask an administrator."
    )


def _check_role(role: Role, team: Team) -> None:
    """Raises Refusal for a global role, and for one that is limited to other teams."""
    offered = _is_offered(role, team)
    if role.is_global or not offered:
        raise Refusal(why_not_taken(team, role, offered=offered))


def _is_offered(role: Role, team: Team) -> bool:
    limits = Role.limited_to.through.objects.filter(role=role)
    return not limits.exists() or limits.filter(team=team).exists()


def _locked(key: int) -> Team:
    """Returns the team, locked, so that two people who click at the same time cannot both take the last
    place."""
    return Team.objects.select_for_update(of=("self",)).get(pk=key)


def _check_room(team: Team, how_many: int = 1) -> None:
    if team.max_members is None:
        return
    students = Membership.objects.filter(team=team, role__code="student").count()
    if students + how_many > team.max_members:
        raise TeamIsFull(no_room(team, students, how_many))
