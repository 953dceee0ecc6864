"""Thinkific's groups as the API shows them."""

from collections.abc import Iterable
from typing import Any

from ninja import Schema

from api.answers import moment
from core.models import GroupAssignment, Team, ThinkificGroup, User


class AssignmentOut(Schema):
    team_id: int
    team: str
    direction: str
    last_synced_at: str | None
    last_error: str


class GroupOut(Schema):
    id: int
    name: str
    thinkific_id: int | None
    assignments: list[AssignmentOut]
    last_synced_at: str | None
    created_at: str


EXAMPLE = {
    "id": 5,
    "name": "My Thinkific Group",
    "thinkific_id": 88012,
    "assignments": [
        {
            "team_id": 3,
            "team": "Acme Warehouse",
            "direction": "bidirectional",
            "last_synced_at": "2026-01-05T09:00:00Z",
            "last_error": "",
        }
    ],
    "last_synced_at": "2026-01-05T09:00:00Z",
    "created_at": "2026-01-05T09:00:00Z",
}


def represent(groups: Iterable[ThinkificGroup], viewer: User) -> list[dict[str, Any]]:
    """Returns groups; makes one query for their assignments to teams that the viewer sees."""
    rows = list(groups)
    teams = Team.objects.visible_to(viewer)
    given = GroupAssignment.objects.filter(group__in=[group.pk for group in rows], team__in=teams)
    by_group: dict[int, list[dict[str, Any]]] = {}
    for assignment in given.select_related("team").order_by("team__name", "pk"):
        by_group.setdefault(assignment.group_id, []).append(
            {
                "team_id": assignment.team_id,
                "team": assignment.team.name,
                "direction": assignment.direction,
                "last_synced_at": moment(assignment.last_synced_at),
                "last_error": assignment.last_error,
            }
        )
    return [
        {
            "id": group.pk,
            "name": group.name,
            "thinkific_id": group.thinkific_id,
            "assignments": by_group.get(group.pk, []),
            "last_synced_at": moment(group.last_synced_at),
            "created_at": moment(group.thinkific_created_at or group.created_at),
        }
        for group in rows
    ]
