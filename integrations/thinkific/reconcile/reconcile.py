"""A reconciliation: compares everything in the dashboard and in Thinkific, and writes only a report."""

from core.models import GroupMembership
from integrations.models import Drift, DriftKind, DriftReport
from integrations.thinkific.client.errors import CredentialsRefused, Endless
from integrations.thinkific.client.rest import PAGE_SIZE
from integrations.thinkific.reconcile import ledger, stored
from integrations.thinkific.reconcile.again import look_again, read_again
from integrations.thinkific.reconcile.findings import Sort
from integrations.thinkific.reconcile.subjects import SUBJECTS, Remote, Subject
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.state import Place

AT_ONCE = 200  # rows


class KindsPlace(Place):
    kinds: list[str] = []  # the kinds that are done


class SecondLook(Place):
    after: int = 0  # the last row of the report (primary key) that was compared a second time


def reconcile(context: RunContext) -> None:
    """Compare kind after kind. At the end of each kind the differences are compared a second time: what
    changed on either side during the walk is not a difference."""
    done = context.place(KindsPlace)
    if context.run.pages_total is None:
        context.run.pages_total = sum(-(-stored.rows(kind).count() // PAGE_SIZE) for kind in SUBJECTS)
    for kind, subject in SUBJECTS.items():
        if kind not in done.kinds:
            _reconcile_kind(context, kind, subject)


def _reconcile_kind(context: RunContext, kind: str, subject: Subject) -> None:
    report = ledger.open_report(context, kind)
    try:
        note = subject.compare(context, report)
    except CredentialsRefused as error:
        if error.surface == "REST":
            raise
        note = f"Not compared: {error}"
        context.refuse(error, f"{report.get_kind_display()} were not compared.")
    except Endless as error:
        note = f"Not compared to the end: {error}"
        context.partial = True
        context.note(report.get_kind_display(), note)
    second = context.place(SecondLook, f"second look at {kind}")
    rows = report.rows.filter(object_id__isnull=False).select_related("report")
    while subject.looked_at_twice:
        some = list(rows.filter(pk__gt=second.after).order_by("pk")[:AT_ONCE])
        if not some:
            break
        for row, remote in zip(some, read_again(context, some), strict=True):
            _look_twice(context, report, row, second, remote)
    _drop_arrived(context, report)

    def write() -> None:
        ledger.close(report, note)
        context.place(KindsPlace).kinds.append(kind)

    context.store(write)


def _look_twice(
    context: RunContext, report: DriftReport, row: Drift, second: SecondLook, remote: Remote
) -> None:
    found, _ = look_again(context, row, remote)
    if not isinstance(found, str) and (found.sort, list(found.differences)) != (row.sort, row.differences):
        found = "gone"  # it changes at the moment, so it counts neither as different nor as in step

    def write() -> None:
        ledger.note_second_look(report, row, found)
        second.after = row.pk

    context.store(write)


def _drop_arrived(context: RunContext, report: DriftReport) -> None:
    """Remove findings that only Thinkific had and that a pull or a webhook has stored here since."""
    rows = report.rows.filter(sort=Sort.ONLY_THERE, object_id__isnull=True)
    if report.kind == DriftKind.MEMBERS:
        arrived = [row for row in rows if _is_member(row)]
    else:
        here = stored.rows(report.kind).filter(thinkific_id__in=rows.values("thinkific_id"))
        arrived = list(rows.filter(thinkific_id__in=list(here.values_list("thinkific_id", flat=True))))

    def write() -> None:
        for row in arrived:
            ledger.note_second_look(report, row, "in_step")

    if arrived:
        context.store(write)


def _is_member(row: Drift) -> bool:
    here = GroupMembership.objects.filter(group=row.pointers["group"], removed_at__isnull=True)
    return here.filter(user__thinkific_id=row.pointers["account"]).exists()
