"""Which groups of Thinkific serve which teams. Groups are found by Thinkific's id, token or name."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Q
from django.utils import timezone

from core.folding import fold
from core.migration.kinds.kind import Kind, differences
from core.migration.rows import Row, Run, Verdict
from core.models import GroupAssignment, Team, ThinkificGroup
from core.permissions.overrides import effective
from core.services.storage import bulk

COLUMNS = ["group_id", "team_id", "direction", "role_id", "last_synced_at"]


class GroupMatches(Kind):
    name, model, code = "group_matches", GroupAssignment, "groups.assign"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        _find_groups(rows)
        rows = [row for row in rows if row.verdict == Verdict.NEW]
        pairs = {(row.keys["group"], row.keys["team"]) for row in rows}
        given = GroupAssignment.objects.filter(bulk.Among("group_id", "team_id", rows=pairs)) if pairs else ()
        found = {(one.group_id, one.team_id): one for one in given}
        for row in rows:
            if (one := found.get((row.keys["group"], row.keys["team"]))) is not None:
                said = differences([("the direction", one.direction, row.values["direction"])])
                if one.role_id != row.keys["role"]:
                    said.append("people who join get another role")
                row.is_there(one.pk, said)

    def check(self, rows: Sequence[Row], run: Run) -> None:
        roles = run.roles(row.keys["role"] for row in rows)
        made = run.made("teams", rows, "team")
        teams = Team.objects.filter(archived_at__isnull=False, pk__in=[row.keys["team"] for row in rows])
        off = {team.pk: team for team in teams if team.pk not in made}
        for row in rows:
            role = roles.get(row.keys["role"])
            pair = (row.keys["team"], row.keys["group"])
            if row.keys["team"] in off:
                row.refuse(f"team: {off[row.keys['team']]} is archived here. Restore it first.")
            elif role is not None and (role.is_global or role.code == "owner"):
                row.refuse(f"role: {role.name} cannot be given to people who join from a group.")
            elif role is not None and not effective(role.permissions) <= run.codes:
                row.refuse(f"role: {role.name} has permissions that you do not have.")
            elif pair in run.matches:
                row.refuse("group_id: an earlier row names this group for the team.")
            run.matches.add(pair)

    def write(self, rows: Sequence[Row], run: Run) -> None:
        # As synced already: the members who are in the team now are not sent to Thinkific.
        now = timezone.now()
        values = [
            (row.keys["group"], row.keys["team"], row.values["direction"], row.keys["role"], now)
            for row in rows
        ]
        for row, key in zip(rows, self.insert(GroupAssignment, COLUMNS, values, run), strict=True):
            row.object_id = key

    def export(self) -> Iterator[Sequence[Any]]:
        rows = GroupAssignment.objects.order_by("pk").select_related("group", "role")
        for one in rows.iterator(chunk_size=2000):
            group, role = one.group, one.role
            yield (
                *(one.team_id, group.thinkific_id, group.token, group.name, one.direction),
                (role.code or role.pk) if role is not None else None,
            )


def _find_groups(rows: Sequence[Row]) -> None:
    """Set the group of each row, or refuse it."""
    ids = {row.values["group_id"] for row in rows if row.values["group_id"] is not None}
    tokens = {row.values["group_token"] for row in rows if row.values["group_token"]}
    names = {fold(row.values["group_name"]) for row in rows if row.values["group_name"]}
    wanted = (
        Q(bulk.among("thinkific_id", ids)) | Q(bulk.among("token", tokens)) | Q(bulk.among("folded", names))
    )
    by: dict[tuple[str, Any], list[ThinkificGroup]] = {}
    for group in ThinkificGroup.objects.filter(wanted, removed_at__isnull=True).order_by("pk"):
        for key in (("id", group.thinkific_id), ("token", group.token), ("name", group.folded)):
            by.setdefault(key, []).append(group)
    for row in rows:
        name = row.values["group_name"]
        asked = (
            ("id", row.values["group_id"]),
            ("token", row.values["group_token"]),
            ("name", fold(name)),
        )
        found = next((by[key] for key in asked if key[1] and key in by), [])
        if len(found) == 1:
            row.keys["group"] = found[0].pk
        elif found:
            row.refuse(f"group_name: {len(found):,} groups are called “{name[:60]}”. Give group_id.")
        else:
            which = name or row.values["group_token"] or row.values["group_id"]
            row.refuse(
                f"group_id: the group “{str(which)[:80]}” is not here. Sync the groups first; they are "
                "read from Thinkific and never made by a migration."
            )
