"""Making teams and changing them: name, owner, organization, limit, archived or not."""

from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from core.errors import Refusal
from core.folding import fold, tidy_name
from core.models import Membership, Organization, Role, SiteSettings, Team, User
from core.permissions import scope
from core.services import memberships, people, webhooks
from core.services.history import record_many, signed
from core.services.storage import bulk
from core.services.storage.collisions import checked_again
from core.services.teams import personal

TEAM_NAME_LENGTH = 255
NUMBER_LENGTH = 7  # what a number may add to a name
DESCRIPTION_LENGTH = 10_000
CHANGEABLE = {"name", "description", "organization", "max_members"}


class BadTeamName(Refusal):
    field = "team.name"


class Size(NamedTuple):
    members: int
    students: int
    groups: int  # that serve the team


def size(team: Team) -> Size:
    counted = team.memberships.aggregate(
        members=Count("pk"), students=Count("pk", filter=Q(role__code="student"))
    )
    return Size(**counted, groups=team.group_assignments.count())


@checked_again
def create(
    *,
    name: str,
    owner: User,
    description: str = "",
    organization: Organization | None = None,
    numbered: bool = False,
    by: User | None = None,
) -> Team:
    """Make a team; its owner becomes its first member. Raises Refusal when the name is empty, too long or
    taken; `numbered` adds a number to a taken one ("Acme 2"), for names that nobody can choose again. Names
    are unique because seats, groups and imports refer to teams by name."""
    _check_owner(owner)
    name = _free_name(name) if numbered else name
    team = Team(
        owner=owner,
        organization=organization,
        max_members=SiteSettings.load().default_max_members,
        **_checked({"name": name, "description": description}),
    )
    signed(team, by=by, reason="team made").save()
    role = Role.objects.get(code="owner")
    membership = Membership(team=team, user=owner, role=role, overrides=scope.starting_overrides(role))
    signed(membership, by=by, reason="owns the team").save()
    people.let_in(owner, reason="owns a team", by=by)
    webhooks.emit("team.created", [team])
    webhooks.emit("membership.created", [membership])
    return team


@checked_again
def create_many(*, names: Sequence[str], owner: User, by: User | None = None) -> list[Team]:
    """`create` for several names, all or none; the number of statements does not depend on theirs."""
    _check_owner(owner)
    tidied = list(dict.fromkeys(_tidied(name) for name in names))
    if not tidied:
        return []
    taken = Team.objects.filter(bulk.among("folded", map(fold, tidied)), archived_at__isnull=True)
    if (other := taken.first()) is not None:
        raise BadTeamName(_taken(other.name))
    limit = SiteSettings.load().default_max_members
    keys = bulk.insert(
        Team, ["name", "owner_id", "max_members"], [(name, owner.pk, limit) for name in tidied]
    )
    made = Team.objects.filter(bulk.among("pk", keys))
    record_many(made, "+", by=by, reason="team made")
    role = Role.objects.get(code="owner")
    overrides = scope.starting_overrides(role)
    joining = [
        memberships.Joining(key, owner.pk, role.pk, as_guest=False, overrides=overrides) for key in keys
    ]
    people.let_in(owner, reason="owns a team", by=by)
    webhooks.emit("team.created", made.select_related("owner", "organization").order_by("pk"))
    memberships.join(joining, by=by, reason="owns the team")
    return list(made.order_by("pk"))


@checked_again
def update(team: Team, *, numbered: bool = False, by: User | None = None, **values: Any) -> Team:
    """Change the name, description, organization or limit of students; only differences are written. A limit
    below the present number removes nobody. `numbered` as for `create`. Raises Refusal."""
    if unknown := set(values) - CHANGEABLE:
        raise TypeError(f"update() does not change {', '.join(sorted(unknown))}")
    team = Team.objects.select_for_update(of=("self",)).get(pk=team.pk)
    if numbered and "name" in values:
        values["name"] = _free_name(values["name"], team)
    values = _checked(values, team)
    changed = {name: value for name, value in values.items() if getattr(team, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(team, name, value)
        signed(team, by=by, reason="details changed").save(update_fields=list(changed))
    return team


@transaction.atomic
def change_owner(team: Team, *, owner: User, former_role: Role, by: User | None = None) -> Team:
    """Make a member the owner; the former owner stays in the team with `former_role`. A personal team is none
    any more. Raises Refusal when the new owner is not a member or is switched off, and when the former owner
    cannot have that role."""
    team = Team.objects.select_for_update(of=("self",)).get(pk=team.pk)
    if team.owner_id == owner.pk:
        return team
    _check_owner(owner)
    membership = Membership.objects.filter(team=team, user=owner).first()
    if membership is None:
        raise Refusal(f"{owner} is not in {team}. Add them to the team first.")
    former = Membership.objects.filter(team=team, user=team.owner_id).first()
    personal.stop(team, by=by)
    team.owner = owner
    signed(team, by=by, reason="owner changed").save(update_fields=["owner"])
    memberships.change_role(membership, role=Role.objects.get(code="owner"), by=by)
    if former is not None:
        memberships.change_role(former, role=former_role, by=by)
    people.let_in(owner, reason="owns a team", by=by)
    return team


@transaction.atomic
def archive(team: Team, *, by: User | None = None) -> Team:
    """Archive a team: nobody can join it, by hand or by its groups, or be enrolled through its seats.
    Members, seats and history stay. Raises Refusal for the default team."""
    team = Team.objects.select_for_update(of=("self",)).get(pk=team.pk)
    if SiteSettings.load().default_team_id == team.pk:
        raise Refusal(f"{team} is the default team of the settings. Choose another one there first.")
    if team.archived_at is None:
        team.archived_at = timezone.now()
        signed(team, by=by, reason="archived").save(update_fields=["archived_at"])
    return team


@checked_again
def restore(team: Team, *, numbered: bool = False, by: User | None = None) -> Team:
    """Restore an archived team as it was. Raises Refusal when another team has taken its name; `numbered` as
    for `create`."""
    team = Team.objects.select_for_update(of=("self",)).get(pk=team.pk)
    if team.archived_at is not None:
        team.name = _free_name(team.name, team) if numbered else team.name
        _check_free(team.name, team)
        team.archived_at = None
        signed(team, by=by, reason="restored").save(update_fields=["name", "archived_at"])
    return team


def _checked(values: dict[str, Any], team: Team | None = None) -> dict[str, Any]:
    """Returns the values as they are stored. Raises Refusal for values that are not allowed."""
    values = dict(values)
    if "name" in values:
        name = values["name"] = _tidied(values["name"])
        if team is None or name != team.name:
            _check_free(name, team)
    if "description" in values:
        text = values["description"] = values["description"].replace("\x00", "").strip()
        if len(text) > DESCRIPTION_LENGTH:
            raise Refusal(
                f"The description has {len(text):,} characters; {DESCRIPTION_LENGTH:,} is the most."
            )
    return values


def _tidied(name: str) -> str:
    name = tidy_name(name)
    if not name:
        raise BadTeamName("A team needs a name.")
    if len(name) > TEAM_NAME_LENGTH:
        raise BadTeamName(f"The name has {len(name)} characters; {TEAM_NAME_LENGTH} is the most.")
    return name


def _taken(name: str) -> str:
    return f"There is a team “{name}” already. Choose another name."


def _check_free(name: str, team: Team | None) -> None:
    """Raises Refusal when another team has this name. When two people save at the same time, the constraint
    one_team_per_name refuses the second."""
    others = Team.named(name).exclude(pk=team.pk) if team else Team.named(name)
    if others.filter(archived_at__isnull=True).exists():
        raise BadTeamName(_taken(name))


def _free_name(name: str, team: Team | None = None) -> str:
    """Returns the name, or the first free one after it. Whoever else wants a number after this name waits for
    our transaction, so two never want the same one."""
    name = tidy_name(name)
    others = Team.objects.current().exclude(pk=team.pk if team else 0)
    if not others.filter(folded=fold(name)).select_for_update(of=("self",), no_key=True):
        return name
    start = name[: TEAM_NAME_LENGTH - NUMBER_LENGTH].rstrip()
    taken = set(others.filter(folded__startswith=fold(start)).values_list("folded", flat=True))
    return next(new for number in count(2) if fold(new := f"{start} {number}") not in taken)


def _check_owner(owner: User) -> None:
    if not owner.is_active:
        raise Refusal(f"{owner}'s account is switched off. Switch it on, or choose another owner.")
