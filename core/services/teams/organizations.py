"""Organizations: making, changing and deleting them, and which teams belong to them."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from core.errors import Refusal
from core.folding import tidy_name
from core.models import Organization, Team, User
from core.services.history import record_initial_state, signed
from core.services.storage.collisions import checked_again
from core.services.teams.teams import create as create_team

NAME_LENGTH = 255
DESCRIPTION_LENGTH = 10_000
CHANGEABLE = {"name", "description"}


@checked_again
def create(*, name: str, description: str = "", by: User | None = None) -> Organization:
    """Make an organization. Raises Refusal when the name is empty, too long or taken."""
    organization = Organization(**_checked({"name": name, "description": description}))
    signed(organization, by=by, reason="organization made").save()
    return organization


@checked_again
def create_with_teams(
    *, names: Sequence[str], owner: User, name: str, description: str = "", by: User | None = None
) -> tuple[Organization, list[Team]]:
    """Make an organization and its default teams, all with one owner. Raises Refusal, and makes nothing, when
    a name is empty, too long or taken, or the owner is switched off."""
    organization = create(name=name, description=description, by=by)
    made = [
        create_team(name=team_name(organization.name, each), owner=owner, organization=organization, by=by)
        for each in names
    ]
    return organization, made


def team_name(organization: str, name: str) -> str:
    """Returns the name of a default team. No two teams have the same name, so it begins with that of the
    organization."""
    return f"{organization[: NAME_LENGTH - len(name) - 2]}: {name}"


@checked_again
def update(organization: Organization, *, by: User | None = None, **values: Any) -> Organization:
    """Change the name or the description; only differences are written. Raises Refusal."""
    if unknown := set(values) - CHANGEABLE:
        raise TypeError(f"update() does not change {', '.join(sorted(unknown))}")
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    values = _checked(values, organization)
    changed = {name: value for name, value in values.items() if getattr(organization, name) != value}
    if changed:
        for name, value in changed.items():
            setattr(organization, name, value)
        signed(organization, by=by, reason="details changed").save(update_fields=list(changed))
    return organization


@transaction.atomic
def delete(organization: Organization, *, by: User | None = None) -> int:
    """Delete an organization. Its teams stay, with everything in them, and belong to no organization then.
    Returns how many these were."""
    organization = Organization.objects.select_for_update().get(pk=organization.pk)
    left = _move(Team.objects.filter(organization=organization), None, by=by)
    signed(organization, by=by, reason="organization deleted").delete()
    return left


@transaction.atomic
def assign_teams(organization: Organization, teams: Iterable[Team], *, by: User | None = None) -> int:
    """Make these teams part of the organization; they leave the one that they are in. Returns how many were
    not part of it before. Raises Refusal when the organization was deleted."""
    found = Organization.objects.select_for_update().filter(pk=organization.pk).first()
    if found is None:
        raise Refusal(f"{organization} was deleted. Choose another organization.")
    rows = Team.objects.filter(pk__in=[team.pk for team in teams])
    return _move(rows.exclude(organization=found), found, by=by)


@transaction.atomic
def remove_teams(teams: Iterable[Team], *, by: User | None = None) -> int:
    """Take these teams out of their organizations. Returns how many were in one."""
    rows = Team.objects.filter(pk__in=[team.pk for team in teams], organization__isnull=False)
    return _move(rows, None, by=by)


def _move(teams: QuerySet[Team], to: Organization | None, *, by: User | None) -> int:
    """Write the organization of all these teams, with history, in a constant number of statements."""
    found = list(teams.select_for_update(of=("self",)).order_by("pk"))
    keys = [team.pk for team in found]
    record_initial_state(Team, keys)
    Team.objects.filter(pk__in=keys).update(organization=to)
    for team in found:
        team.organization = to
    Team.history.bulk_history_create(
        found, update=True, default_user=by, default_change_reason="organization changed"
    )
    return len(found)


def _checked(values: dict[str, Any], organization: Organization | None = None) -> dict[str, Any]:
    """Returns the values as they are stored. Raises Refusal for values that are not allowed."""
    values = dict(values)
    if "name" in values:
        name = values["name"] = tidy_name(values["name"])
        if not name:
            raise Refusal("An organization needs a name.")
        if len(name) > NAME_LENGTH:
            raise Refusal(f"The name has {len(name)} characters; {NAME_LENGTH} is the most.")
        others = Organization.named(name)
        if organization is not None:
            others = others.exclude(pk=organization.pk)
        if others.exists():
            raise Refusal(f"There is an organization “{name}” already. Choose another name.")
    if "description" in values:
        text = values["description"] = values["description"].replace("\x00", "").strip()
        if len(text) > DESCRIPTION_LENGTH:
            raise Refusal(
                f"The description has {len(text):,} characters; {DESCRIPTION_LENGTH:,} is the most."
            )
    return values
