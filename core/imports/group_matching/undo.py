"""Taking back what a line did: an assignment that it made ends, a direction that it changed is as before."""

from typing import Any

from core.errors import Refusal
from core.models import GroupAssignment, ImportBatch, ImportRow, Role, User
from core.permissions import scope
from core.services import groups
from core.wording import plural

CHANGED_SINCE = "{} stays: its direction was changed since."


def preview(batch: ImportBatch) -> dict[str, Any]:
    """Returns what undoing would take back, and why it would leave what, as things are now."""
    made = changed = kept = 0
    for done, there in _with_assignments(batch):
        if there is None:
            continue
        if _as_left(done, there):
            made, changed = made + bool(done.get("new")), changed + (not done.get("new"))
        else:
            kept += 1
    goes = [(made, "assignment", "assignments"), (changed, "changed direction", "changed directions")]
    return {
        "goes": [plural(count, one, many) for count, one, many in goes if count],
        "stays": [{"why": "was changed since", "count": kept}] if kept else [],
    }


def _with_assignments(batch: ImportBatch) -> list[tuple[dict[str, Any], GroupAssignment | None]]:
    done = list(batch.rows.exclude(done={}).order_by("number").values_list("done", flat=True))
    there = GroupAssignment.objects.in_bulk([one["assignment"] for one in done])
    return [(one, there.get(one["assignment"])) for one in done]


def _as_left(done: dict[str, Any], there: GroupAssignment) -> bool:
    after = done.get("after")
    return after is None or [there.direction, there.role_id] == after


def undo_row(row: ImportRow, *, by: User) -> list[str]:
    """Take back what a line did, in the caller's transaction. Returns what stays, in sentences."""
    assignments = GroupAssignment.objects.select_related("group", "team")
    there = assignments.filter(pk=row.done["assignment"]).first()
    if there is None:
        return []
    if not scope.teams_where(by, "groups.assign").filter(pk=there.team_id).exists():
        return [f"{there} stays: you may not assign groups to {there.team}."]
    if not _as_left(row.done, there):
        return [CHANGED_SINCE.format(there)]
    try:
        if row.done.get("new"):
            groups.unassign(there, by=by)
        else:
            direction, role = row.done["before"]
            groups.change_direction(
                there, direction=direction, role=Role.objects.filter(pk=role).first(), by=by
            )
    except Refusal as refusal:
        return [str(refusal)]
    return []


def finish(batch: ImportBatch, *, by: User) -> list[str]:
    """Returns what stays of the whole import besides its lines."""
    return []
