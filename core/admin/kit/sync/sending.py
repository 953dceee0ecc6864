"""The sync state of a page's rows: which changes wait to be sent, and which were refused."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django.db.models import Model, OuterRef, Subquery, Value
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.lists.lists import amount
from core.models import Enrollment, GroupMembership, OutboxEntry, ThinkificGroup, User
from core.pills import pill
from core.wording import listed, one_or_many

Status = OutboxEntry.Status
COUNTED = 1000

# --- rows ---------------------------------------------------------------------------------------------


def with_sending(rows: Any, entity: str, key: str = "pk") -> Any:
    """Annotate `sending_status` and `sending_error`: those of the row's unsent change, a failed one before a
    waiting one. `key` is the lookup from a row to the primary key of the entity's object."""
    unsent = OutboxEntry.objects.unsent().filter(entity=entity, object_id=OuterRef(key))
    first = unsent.order_by("status", "-pk")  # "failed" sorts before "in_flight" and "pending"
    return rows.annotate(
        sending_status=Subquery(first.values("status")[:1]),
        sending_error=Subquery(first.values("error")[:1]),
    )


def sending(row: Any, *, leaves: bool = False, in_step: str = "") -> SafeString:
    """Returns the pill for a row whose change waits or was refused, with Thinkific's answer; the pill
    `in_step` otherwise. Rows without `with_sending` have no answer. `leaves`: the change is a removal."""
    status = getattr(row, "sending_status", None) or row.push_state
    if status == Status.FAILED:
        words = getattr(row, "sending_error", "")
        refused = pill("Removal refused" if leaves else "Refused", title=words or "")
        if not words:
            return refused
        second = '<span class="cell-two"><span>{}</span><span class="cell-second">{}</span></span>'
        return format_html(second, refused, cells.text(words))
    if status in OutboxEntry.UNSENT:
        return pill("Waiting to leave" if leaves else "Waiting to be sent")
    return pill(in_step) if in_step else SafeString("")


def status_pill(status: str) -> SafeString:
    """Returns the pill of an enrollment's status. The status is computed, so it is not a field with
    choices."""
    return pill(status, str(Enrollment.Status(status).label))


def enrollment_status(enrollment: Any) -> SafeString:
    """Returns the enrollment's status and, if it has an unsent change, that state too."""
    unsent = sending(enrollment)
    if unsent and enrollment.status in {Enrollment.Status.PENDING, Enrollment.Status.FAILED}:
        return unsent
    return format_html('<span class="cell-lines">{}{}</span>', status_pill(enrollment.status), unsent)


# --- rows that belong to the object of a page ---------------------------------------------------------


@dataclass(frozen=True)
class UnsentRows:
    """Counts of unsent rows of one kind that belong to an object."""

    one: str
    many: str
    tab: str  # the tab that lists them
    failed: int
    waiting: int


def unsent_rows_of(obj: Model, viewer: User) -> list[UnsentRows]:
    """Returns counts of waiting and refused rows that belong to an object and that the viewer may see. Makes
    one query. The rows of a person are few; those of a group are counted up to COUNTED."""
    kinds = _kinds(obj, viewer)
    if not kinds:
        return []
    first, *rest = [_states(rows, tab) for rows, _, _, tab in kinds]
    found = first.union(*rest, all=True) if rest else first[: COUNTED + 1]
    count = Counter(found)
    found_rows = [
        UnsentRows(one, many, tab, count[tab, "failed"], count[tab, "pending"]) for _, one, many, tab in kinds
    ]
    return [rows for rows in found_rows if rows.failed or rows.waiting]


def _states(rows: Any, tab: str) -> Any:
    labelled = rows.exclude(push_state="clean").order_by().annotate(listed=Value(tab))
    return labelled.values_list("listed", "push_state")


def _kinds(obj: Model, viewer: User) -> list[tuple[Any, str, str, str]]:
    if isinstance(obj, User):
        kinds: list[tuple[Any, str, str, str]] = []
        if viewer.has_perm("core.view_enrollment"):
            rows = Enrollment.objects.filter(user=obj).visible_to(viewer)
            kinds.append((rows, "enrollment", "enrollments", "enrollments"))
        if viewer.has_perm("core.view_thinkificgroup"):
            members = GroupMembership.objects.filter(user=obj)
            if not viewer.sees_everything:
                members = members.filter(group__in=ThinkificGroup.objects.visible_to(viewer))
            kinds.append((members, "group membership", "group memberships", "groups"))
        return kinds
    if isinstance(obj, Enrollment) and obj.product.is_bundle:
        courses = Enrollment.objects.filter(via_bundle=obj).visible_to(viewer)
        return [(courses, "course of the bundle", "courses of the bundle", "courses")]
    if isinstance(obj, ThinkificGroup):
        members = GroupMembership.objects.filter(group=obj)
        return [(members, "of its members", "of its members", "users")]
    return []


def in_words(unsent: list[UnsentRows]) -> str:
    """Returns "Thinkific refused 2 enrollments and 1 group membership. 1 enrollment waits to be sent."."""
    said = []
    if failed := [(rows.failed, rows) for rows in unsent if rows.failed]:
        said.append(f"Thinkific refused {_listed(failed)}.")
    if waiting := [(rows.waiting, rows) for rows in unsent if rows.waiting]:
        verb = one_or_many(sum(count for count, _ in waiting), "waits", "wait")
        said.append(f"{_listed(waiting)} {verb} to be sent.")
    return " ".join(said)


def _listed(counts: list[tuple[int, UnsentRows]]) -> str:
    return listed(
        [f"{amount(count, COUNTED)} {one_or_many(count, rows.one, rows.many)}" for count, rows in counts]
    )
