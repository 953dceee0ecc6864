"""Says what a repair would do to the rows of a report, and why it cannot repair some. Sends no requests."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.text import capfirst

from core.models import GroupMembership
from core.models.fields.history import done_by
from core.services import directions
from core.wording import listed
from integrations.models import Drift, DriftKind
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.reconcile.findings import Finding

Choice, Sort, State = Drift.Choice, Drift.Sort, Drift.State
REPAIRABLE = (State.OPEN, State.REFUSED)
# The fields of each kind that can be sent to Thinkific. `thinkific_id` means finding the object there.
SENT: dict[str, frozenset[str]] = {
    DriftKind.USERS: directions.owned_fields("user") | {"thinkific_id"},
    DriftKind.ENROLLMENTS: directions.owned_fields("enrollment") | {"thinkific_id"},
    DriftKind.GROUPS: frozenset({"thinkific_id"}),  # REST cannot rename one
}
SENT_WHEN_MISSING = {
    DriftKind.USERS: "Its account in Thinkific is made.",
    DriftKind.ENROLLMENTS: "The enrollment is made in Thinkific, with its dates.",
    DriftKind.GROUPS: "The group is made in Thinkific.",
    DriftKind.MEMBERS: "The person is added to the group in Thinkific.",
}
FROM_THINKIFIC_ONLY = "{} come from Thinkific and are never sent there. Take Thinkific's instead."


@dataclass(frozen=True)
class Step:
    row: Drift
    does: str = ""
    why_not: str = ""


@dataclass
class Plan:
    choice: str
    doable: list[Step] = field(default_factory=list)
    refused: list[Step] = field(default_factory=list)


def plan(rows: Iterable[Drift], choice: str) -> Plan:
    """Returns what a repair would do to each row. Needs a constant number of queries."""
    rows = list(rows)
    made = Plan(choice)
    sent = _groups_sent(rows) if choice == Choice.PUSH else set()
    has_token = bool(Credentials.from_settings().token)
    for row in rows:
        does = why_not = ""
        if row.state not in REPAIRABLE:
            who = done_by(row, "repaired_by")
            why_not = f"It is over: {row.get_state_display().lower()}{f', by {who}' if who else ''}."
        elif choice == Choice.TAKE:
            does, why_not = _take(row)
        elif row.report.kind == DriftKind.MEMBERS:
            does, why_not = _push_member(row, sent, has_token)
        else:
            does, why_not = _push(row)
        (made.refused if why_not else made.doable).append(Step(row, does, why_not))
    return made


def _take(row: Drift) -> tuple[str, str]:
    if row.sort == Sort.DIFFERS:
        return "Thinkific's values replace ours.", ""
    if row.sort == Sort.ONLY_THERE:
        return "It is stored here as Thinkific has it.", ""
    if row.thinkific_id is None and row.report.kind in (DriftKind.USERS, DriftKind.GROUPS):
        return "", "It was never in Thinkific, so there is nothing to take."
    return "It is marked as removed here. Nothing is deleted.", ""


def _push(row: Drift) -> tuple[str, str]:
    kind = row.report.kind
    if kind not in SENT:
        return "", FROM_THINKIFIC_ONLY.format(DriftKind(kind).label)
    if row.sort == Sort.ONLY_THERE:
        return (
            "",
            "Only Thinkific has it: there is nothing of ours to send, and a repair deletes nothing there.",
        )
    if row.sort == Sort.ONLY_HERE:
        if kind == DriftKind.GROUPS and row.thinkific_id is not None:
            return "", "It was deleted in Thinkific. Take Thinkific's, or create a group there."
        return SENT_WHEN_MISSING[DriftKind(kind)], ""
    fields = [one["field"] for one in row.differences]
    going = [name for name in fields if name in SENT[kind]]
    staying = [label(name) for name in fields if name not in SENT[kind]]
    if not going:
        return "", f"Thinkific alone decides on {listed(staying)}. Take Thinkific's instead."
    if "thinkific_id" in going:
        does = "The one in Thinkific is found and brought in step with ours."
    else:
        does = f"Thinkific gets our {listed([label(name) for name in going])}."
    if staying:
        does += f" It keeps its own {listed(staying)}, on which it decides alone."
    return does, ""


def _push_member(row: Drift, sent: set[int], has_token: bool) -> tuple[str, str]:
    if row.object_id is None:
        return "", "Nobody took this person out of the group here. Take Thinkific's, then remove them."
    if row.object_id not in sent:
        return "", (
            "No team sends changes of this group to Thinkific. Assign the group with the direction "
            "Bidirectional or Dashboard-to-Thinkific first."
        )
    if row.sort == Sort.ONLY_HERE:
        return SENT_WHEN_MISSING[DriftKind.MEMBERS], ""
    if not has_token:
        return "", "Only GraphQL takes people out of groups, and there is no access token."
    return "The person is taken out of the group in Thinkific.", ""


def _groups_sent(rows: list[Drift]) -> set[int]:
    """Returns the memberships in these rows whose groups have an assignment that sends to Thinkific."""
    keys = [row.object_id for row in rows if row.report.kind == DriftKind.MEMBERS and row.object_id]
    groups = dict(GroupMembership.objects.filter(pk__in=keys).values_list("pk", "group"))
    sent = directions.pushing_groups(set(groups.values())) if groups else set()
    return {pk for pk, group in groups.items() if group in sent}


def moved_on(row: Drift, found: Finding) -> str:
    """Returns how the object differs from what the person saw when choosing the repair; empty if it does not.

    Compared are whether both sides have it, and both values of the fields that both sides may change. Fields
    that only Thinkific changes may be newer, because any pull stores them here.
    """
    if row.sort != found.sort:
        return f"It was “{row.get_sort_display()}” when it was shown, and is “{Sort(found.sort).label}” now."
    was, both = {one["field"]: one for one in row.differences}, SENT.get(row.report.kind, frozenset())
    said = []
    for now in found.differences:
        then = was.get(now["field"])
        if now["field"] not in both or then == now:
            continue
        before = f"{_values(then)} when it was shown" if then else "the same on both sides when it was shown"
        said.append(f"{capfirst(label(now['field']))} was {before}, and is {_values(now)} now.")
    return " ".join(said)


def _values(one: dict[str, str]) -> str:
    return f"“{one['ours']}” here and “{one['theirs']}” in Thinkific"


def label(name: str) -> str:
    """Returns the name of a field for people."""
    names = {"thinkific_id": "Thinkific account", "removed_at": "presence", "expiry_date": "end date"}
    return names.get(name, name.removesuffix("_id").replace("_", " "))
