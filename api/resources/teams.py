"""Teams as the API shows them."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q
from ninja import Schema

from api.answers import moment
from api.resources.people import EXAMPLE as PERSON
from api.resources.people import PersonOut, person
from core.models import Membership, Team


class OrganizationName(Schema):
    id: int
    name: str


class TeamOut(Schema):
    id: int
    name: str
    owner: PersonOut
    organization: OrganizationName | None
    is_personal: bool
    max_members: int | None
    members: int
    students: int
    created_at: str
    archived_at: str | None


EXAMPLE = {
    "id": 3,
    "name": "Acme Warehouse",
    "owner": PERSON,
    "organization": {"id": 2, "name": "Acme"},
    "is_personal": False,
    "max_members": 100,
    "members": 42,
    "students": 40,
    "created_at": "2026-01-05T09:00:00Z",
    "archived_at": None,
}


def represent(teams: Iterable[Team]) -> list[dict[str, Any]]:
    """Returns teams, which have their owner and organization; makes one query for the numbers of members."""
    rows = list(teams)
    counts = Membership.objects.filter(team__in=[team.pk for team in rows]).order_by().values("team")
    counted = counts.annotate(members=Count("pk"), students=Count("pk", filter=Q(role__code="student")))
    sizes = {row["team"]: (row["members"], row["students"]) for row in counted}
    return [
        {
            "id": team.pk,
            "name": team.name,
            "owner": person(team.owner),
            "organization": team.organization
            and {"id": team.organization.pk, "name": team.organization.name},
            "is_personal": team.is_personal,
            "max_members": team.max_members,
            "members": sizes.get(team.pk, (0, 0))[0],
            "students": sizes.get(team.pk, (0, 0))[1],
            "created_at": moment(team.created_at),
            "archived_at": moment(team.archived_at),
        }
        for team in rows
    ]
