"""Roles of the other dashboard's own, found by their names. The built-in ones are the same everywhere."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.db.models import Model

from core.folding import fold
from core.migration.kinds.kind import Kind, delete, differences
from core.migration.rows import Row, Run
from core.models import Role
from core.permissions.codes import FOR_THE_SITE, PERMISSIONS
from core.permissions.overrides import without_required
from core.services.storage import bulk

Limits: Any = Role.limited_to.through


class Roles(Kind):
    name, model = "roles", Role
    code, undo_code = "roles.create", "roles.delete"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        earlier = run.earlier(self.name, [row.ref for row in rows])
        names = {fold(row.values["name"]) for row in rows}
        by_name = {role.folded: role for role in Role.objects.filter(bulk.among("folded", names))}
        by_key = Role.objects.in_bulk(list(earlier.values()))
        for row in rows:
            found = by_key.get(earlier.get(row.ref)) or by_name.get(fold(row.values["name"]))
            if found is not None and found.code is not None:
                row.refuse(f"name: {found} is a built-in role. Give this one another name.")
            elif found is not None:
                row.is_there(found.pk, self._differences(found, row))

    def _differences(self, role: Role, row: Row) -> list[str]:
        is_global = row.values["scope"] == "global"
        said = differences(
            [("the name", role.name, row.values["name"]), ("global", role.is_global, is_global)]
        )
        if set(role.permissions) != set(_permissions(row)):
            said.append("it has other permissions, and people get those that it has here")
        if set(role.limited_to.values_list("pk", flat=True)) != set(row.keys["teams"]):
            said.append("it is offered in other teams")
        return said

    def check(self, rows: Sequence[Row], run: Run) -> None:
        for row in rows:
            held = _permissions(row)
            if problem := without_required(held):
                row.refuse(f"permissions: {problem}")
            elif missing := sorted(set(held) - run.codes):
                row.refuse(
                    "permissions: you cannot give what you do not have: "
                    f"{', '.join(PERMISSIONS[code].label for code in missing)}."
                )
            elif row.values["scope"] == "global" and row.keys["teams"]:
                row.refuse("teams: a global role applies in all teams. Leave the cell empty.")

    def write(self, rows: Sequence[Row], run: Run) -> None:
        values = [(row.values["name"], row.values["scope"] == "global", _permissions(row)) for row in rows]
        keys = self.insert(Role, ["name", "is_global", "permissions"], values, run)
        for row, key in zip(rows, keys, strict=True):
            row.object_id = key
        limits = [(row.object_id, team) for row in rows for team in row.keys["teams"]]
        bulk.insert(Limits, ["role_id", "team_id"], limits)

    def export(self) -> Iterator[Sequence[Any]]:
        roles = Role.objects.filter(code__isnull=True).order_by("pk").prefetch_related("limited_to")
        for role in roles.iterator(chunk_size=500):
            teams = sorted(team.pk for team in role.limited_to.all())
            scope = "global" if role.is_global else "team"
            yield role.pk, role.name, scope, sorted(set(role.permissions) & PERMISSIONS.keys()), teams

    def may_cascade(self) -> set[type[Model]]:
        return {Limits}

    def before_deletion(self, keys: Sequence[int], by: Any, reason: str) -> None:
        delete(Limits.objects.filter(role__in=keys))


def _permissions(row: Row) -> list[str]:
    """Returns the codes as they are stored: a team role holds none that only a global role gives."""
    codes = set(row.values["permissions"])
    return sorted(codes if row.values["scope"] == "global" else codes - FOR_THE_SITE)
