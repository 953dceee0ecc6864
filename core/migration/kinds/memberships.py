"""Memberships with their roles and overrides."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Count, F
from django.utils import timezone

from core.migration.kinds.kind import Kind, delete, differences, record
from core.migration.kinds.teams import overrides_of
from core.migration.rows import Outcome, RoleFacts, Row, Run
from core.migration.values import moment
from core.models import Membership, MigrationRow, Role, Team, User
from core.permissions.codes import FOR_THE_SITE, PERMISSIONS
from core.permissions.overrides import ALLOW, DENY, effective, without_required
from core.services.history import record_initial_state
from core.services.storage import bulk

COLUMNS = ["team_id", "user_id", "role_id", "overrides", "as_guest", "joined_at"]


class Memberships(Kind):
    name, model, code = "memberships", Membership, "teams.assign"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        there = self._there(rows)
        made = run.made("teams", rows, "team")
        for row in rows:
            found = there.get((row.keys["team"], row.keys["person"]))
            if found is None:
                continue
            # A new team was made with its owner as a member, as this row says.
            if found.team_id in made and found.user_id == found.team.owner_id:
                row.done = {"with_team": True}
                continue
            wanted = overrides_of(row.values) or {}
            said = differences([("the role", found.role_id, row.keys["role"])]) and [
                f"the role is {found.role}"
            ]
            if (found.overrides or {}) != wanted:
                said.append("other permissions are allowed or denied")
            if row.values["home"] and found.user.home_team_id != found.team_id:
                said.append("it is not the person's home team")
            row.is_there(found.pk, said)

    def _there(self, rows: Sequence[Row]) -> dict[tuple[int, int], Membership]:
        pairs = {(row.keys["team"], row.keys["person"]) for row in rows}
        if not pairs:
            return {}
        found = Membership.objects.filter(bulk.Among("team_id", "user_id", rows=pairs))
        found = found.select_related("team", "role", "user").order_by()
        return {(one.team_id, one.user_id): one for one in found}

    def check(self, rows: Sequence[Row], run: Run) -> None:
        roles = run.roles(row.keys["role"] for row in rows)
        teams = _Teams(rows, run)
        for row in rows:
            role = roles[row.keys["role"]]
            why = _problem(row, role, run) or teams.problem(row, role)
            if why:
                row.refuse(why)
            elif role.code == "student":
                run.students[row.keys["team"]] += 1

    def write(self, rows: Sequence[Row], run: Run) -> None:
        new = [row for row in rows if not row.done.get("with_team")]
        values = [
            (
                row.keys["team"],
                row.keys["person"],
                row.keys["role"],
                overrides_of(row.values),
                row.values["guest"],
                moment(row.values["joined_at"]) or timezone.now(),
            )
            for row in new
        ]
        for row, key in zip(new, self.insert(Membership, COLUMNS, values, run), strict=True):
            row.object_id = key
        there = self._there([row for row in rows if row.done])
        for row in rows:
            if row.object_id is None:
                row.object_id = there[row.keys["team"], row.keys["person"]].pk
        self._set_homes(rows, run)

    def _set_homes(self, rows: Sequence[Row], run: Run) -> None:
        """The home team's managers may change an account, so only new accounts get one from a file."""
        made = run.made("people", rows, "person")
        wanted = {
            row.keys["person"]: row for row in rows if row.values["home"] and row.keys["person"] in made
        }
        without = User.objects.filter(bulk.among("pk", wanted), home_team__isnull=True) if wanted else ()
        homes = []
        for user in without:
            row = wanted[user.pk]
            homes.append((user.pk, row.keys["team"]))
            row.done = {**row.done, "home": row.keys["person"]}
        bulk.update(User, ["home_team_id"], homes)
        record(User, [user for user, _ in homes], "~", run.by, run.reason)

    def export(self) -> Iterator[Sequence[Any]]:
        rows = Membership.objects.order_by("pk").select_related("role", "user")
        for one in rows.iterator(chunk_size=2000):
            overrides = one.overrides or {}
            yield (
                one.team_id,
                one.user_id,
                one.role.code or one.role_id,
                sorted(code for code, effect in overrides.items() if effect == ALLOW),
                sorted(code for code, effect in overrides.items() if effect == DENY),
                one.as_guest,
                one.user.home_team_id == one.team_id,
                one.joined_at,
            )

    def why_kept(self, rows: Sequence[Row], run: Run) -> dict[int, str]:
        """Owners stay, except of teams that this migration has made: they go with the team."""
        owned = Membership.objects.filter(pk__in=[row.object_id for row in rows], user=F("team__owner"))
        made = MigrationRow.objects.filter(migration=run.migration, kind="teams", outcome=Outcome.MADE)
        owned = owned.exclude(team__in=made.order_by().values("object_id"))
        return dict.fromkeys(owned.values_list("pk", flat=True), "the person owns the team now")

    def take_back(self, rows: Sequence[Row], by: User, reason: str) -> None:
        alone = [row for row in rows if not row.done.get("with_team")]
        objects = Membership.objects.filter(pk__in=[row.object_id for row in alone])
        record(Membership, [row.object_id for row in alone], "-", by, reason)
        delete(objects)
        homes = [row.done["home"] for row in rows if "home" in row.done]
        record_initial_state(User, homes)
        User.objects.filter(pk__in=homes).update(home_team=None)
        record(User, homes, "~", by, reason)


class _Teams:
    """The teams of some rows, those that will be made too."""

    def __init__(self, rows: Sequence[Row], run: Run) -> None:
        keys = {row.keys["team"] for row in rows}
        self.run, self.coming = run, run.coming(keys)
        self.made = run.made("teams", rows, "team")
        self.here = Team.objects.in_bulk([key for key in keys if key > 0])
        owners, _ = run.targets("people", {values["owner"] for values in self.coming.values()})
        self.owners = {key: owners[values["owner"]].key for key, values in self.coming.items()}
        self.owners |= {key: team.owner_id for key, team in self.here.items()}
        limited = [key for key, team in self.here.items() if team.max_members is not None]
        counted = Role.objects.get(code="student").memberships.filter(team__in=limited)
        counts = counted.order_by().values("team").annotate(count=Count("pk"))
        self.students = Counter({one["team"]: one["count"] for one in counts})
        if not run.dry:
            run.students.clear()  # those of the chunks before are stored

    def problem(self, row: Row, role: RoleFacts) -> str:
        key = row.keys["team"]
        if role.teams and key not in role.teams:
            return f"role: {role.name} is not offered in this team."
        if (row.keys["person"] == self.owners[key]) != (role.code == "owner"):
            return "role: the owner of a team has the role owner, and nobody else. teams says who owns it."
        team = self.here.get(key)
        if team is None or key in self.made:
            return ""
        if team.archived_at is not None:
            return f"team: {team} is archived here, and nobody can join it. Restore it first."
        there = self.students[key] + self.run.students[key]
        if role.code == "student" and team.max_members is not None and there >= team.max_members:
            return f"team: {team} has no room for another student ({team.max_members:,} are the most)."
        return ""


def _problem(row: Row, role: RoleFacts, run: Run) -> str:
    if role.is_global:
        return f"role: {role.name} is a global role. Give it in global_roles."
    overrides = overrides_of(row.values)
    if site := sorted(set(row.values["allowed"]) & FOR_THE_SITE):
        return f"allowed: only a global role gives “{PERMISSIONS[site[0]].label}”."
    if both := sorted(set(row.values["allowed"]) & set(row.values["denied"])):
        return f"allowed: {both[0]} is denied in the same row."
    given = (role.permissions | set(row.values["allowed"])) - set(row.values["denied"])
    if problem := without_required(given):
        return f"allowed: {problem}"
    if missing := sorted(effective(role.permissions, overrides) - run.codes):
        labels = ", ".join(PERMISSIONS[code].label for code in missing)
        return f"role: you cannot give permissions that you do not have: {labels}."
    return ""
