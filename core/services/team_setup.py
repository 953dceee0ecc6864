"""Making teams."""

from django.db import transaction

from core.errors import Refusal
from core.models import Membership, Organization, Role, SiteSettings, Team, User
from core.services.history import signed

TEAM_NAME_LENGTH = 255


@transaction.atomic
def create(
    *,
    name: str,
    owner: User,
    description: str = "",
    organization: Organization | None = None,
    by: User | None = None,
) -> Team:
    """Make a team; its owner is its first member. Raises Refusal for a name that is empty or taken: seats,
    groups and imports name teams."""
    name = " ".join(name.replace("\x00", "").split())
    if not name:
        raise Refusal("A team needs a name.")
    if len(name) > TEAM_NAME_LENGTH:
        raise Refusal(f"The name has {len(name)} characters; {TEAM_NAME_LENGTH} is the most.")
    if Team.objects.filter(name__iexact=name, archived_at__isnull=True).exists():
        raise Refusal(f"There is a team “{name}” already. Choose another name.")
    if not owner.is_active:
        raise Refusal(f"{owner}'s account is switched off. Switch it on, or choose another owner.")
    team = Team(
        name=name,
        owner=owner,
        description=description.replace("\x00", "").strip(),
        organization=organization,
        max_members=SiteSettings.load().default_max_members,
    )
    signed(team, by=by, reason="team made").save()
    membership = Membership(team=team, user=owner, role=Role.objects.get(code="owner"))
    signed(membership, by=by, reason="owns the team").save()
    if not owner.is_dashboard_user:
        owner.is_dashboard_user = True
        signed(owner, by=by, reason="owns a team").save(update_fields=["is_dashboard_user", "updated_at"])
    return team
