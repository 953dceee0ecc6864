"""Checks that pulls find no changes after everything was sent: the effects of our pushes are stored here.

The first pulls may have one effect: people who were added to a group of a team join the team, and so also the
other groups that the team sends to Thinkific. After that was sent, pulls find nothing.
"""

from typing import Any

from django.db.models import Max

from core.models import Enrollment, GroupMembership, OutboxEntry, ThinkificGroup, User
from core.processes import this_process
from core.services.mirror.enrollments import ENROLLMENTS
from core.services.mirror.groups import GROUPS
from core.services.mirror.people import USERS
from integrations.models import SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.runs import lifecycle

KINDS = ("users", "enrollments", "groups")
COUNTS = ("created", "updated", "removed", "failed")
STORED = (
    (User, (*USERS.fields, "thinkific_id")),
    (Enrollment, (*ENROLLMENTS.fields, "thinkific_id", "via_bundle_id")),
    (ThinkificGroup, (*GROUPS.fields, "thinkific_id")),
    (GroupMembership, ("group_id", "user_id", "removed_at")),
)
Rows = dict[tuple[str, int], dict[str, Any]]


def differences(*, may_join: bool) -> list[str]:
    """Returns what the pulls changed, row by row. With `may_join`, people who join a team are left out."""
    newest, before = OutboxEntry.objects.aggregate(pk=Max("pk"))["pk"] or 0, _rows()
    wrong = [words for kind in KINDS for words in _pull(kind)]
    stale = OutboxEntry.objects.filter(pk__gt=newest)
    joined = stale.filter(entity="groupmembership", reason__startswith="joined the team")
    expected = {("groupmembership", entry.object_id) for entry in (joined if may_join else ())}
    after = _rows()
    for key in sorted((before.keys() | after.keys()) - expected):
        have, got = before.get(key, {}), after.get(key, {})
        moved = [f"{n} {have.get(n)} → {got.get(n)}" for n in got or have if have.get(n) != got.get(n)]
        wrong += [f"a pull changed {key[0]} {key[1]}: {', '.join(moved)}; {_sent(*key)}"] if moved else []
    if stale.count() != len(expected):
        wrong.append("the pulls marked something stale")
    return wrong


def _sent(entity: str, pk: int) -> str:
    """Returns how the changes of an object were sent, to tell why a pull still found a difference."""
    entries = OutboxEntry.objects.filter(entity=entity, object_id=pk).order_by("pk")
    told = [
        f"{entry.pk} {entry.status} ({entry.reason}; attempts {entry.attempts}, crashes {entry.crashes}) "
        f"{entry.error}".rstrip()
        for entry in entries
    ]
    return f"its entries: {', '.join(told) or 'none'}"


def _pull(kind: str) -> list[str]:
    run, _ = lifecycle.open_run(kind, full=True)
    claimed = lifecycle.claim(run.pk, worker=this_process())
    assert claimed is not None
    carry_out(claimed)
    run = SyncRun.objects.get(pk=run.pk)
    changed = {name: getattr(run, name) for name in COUNTS if getattr(run, name)}
    if not changed and run.status == SyncRun.Status.SUCCEEDED:
        return []
    return [f"the pull of {kind} ended {run.status} with {changed} {run.errors[:3]}"]


def _rows() -> Rows:
    return {
        (model._meta.model_name or "", row["pk"]): row
        for model, fields in STORED
        for row in model._default_manager.order_by().values("pk", *fields)
    }
