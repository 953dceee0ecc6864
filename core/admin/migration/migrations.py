"""The page of a migration: what it would make, what it made, each row, and the map of ids."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.lists.columns import column
from core.admin.kit.lists.filters import choice_filter
from core.admin.kit.sitewide import SitewideAdmin
from core.admin.kit.tabs import Choice, Tab, TabFilter
from core.admin.kit.viewer import viewer_of
from core.admin.migration.dialogs import DIALOGS
from core.migration.format import KINDS, LAYOUTS, place
from core.migration.rows import Outcome, Verdict
from core.models import Migration, MigrationRow, User
from core.pills import pill

Status, Step = Migration.Status, Migration.Step
RESULTS = {
    Verdict.NEW: "New",
    Verdict.SAME: "Same",
    Verdict.DIFFERS: "Differs",
    Verdict.REFUSED: "Refused",
}
NUMBERED_KINDS = [Choice(number, LAYOUTS[kind].label) for number, kind in enumerate(KINDS, start=1)]
NUMBERED_RESULTS = [Choice(number, label) for number, label in enumerate(RESULTS.values(), start=1)]


def _rows(migration: Migration, viewer: User) -> QuerySet[MigrationRow]:
    return migration.rows.select_related("migration").order_by("number")


def _problems(migration: Migration, viewer: User) -> QuerySet[MigrationRow]:
    found = Q(verdict__in=[Verdict.REFUSED, Verdict.DIFFERS]) | Q(goes=False) | ~Q(message="")
    return _rows(migration, viewer).filter(found)


def _kind(row: MigrationRow) -> str:
    return LAYOUTS[row.kind].label


def _where(row: MigrationRow) -> str:
    return place(row.kind, row.line, row.migration.format)


def what(row: MigrationRow) -> str:
    """Returns what a row is about, by its names or, where it has none, the ids that it holds."""
    values = row.values
    said = values.get("name") or values.get("email")
    if said:
        return str(said)
    names = ("team", "person", "role", "seat", "tag", "group_name", "author")
    return ", ".join(f"{name} {values[name]}" for name in names if values.get(name))


def _state(row: MigrationRow) -> SafeString:
    if row.outcome in {Outcome.UNDONE, Outcome.KEPT}:
        return pill(row.outcome, {Outcome.UNDONE: "Undone", Outcome.KEPT: "Stays"}[Outcome(row.outcome)])
    if row.outcome == Outcome.MADE:
        return pill("made", "Made")
    return pill(row.verdict or "queued", RESULTS.get(Verdict(row.verdict), "Not checked yet"))


def _of_kind(rows: QuerySet, key: int, migration: Any, viewer: User) -> QuerySet:
    return rows.filter(kind=KINDS[key - 1]) if 0 < key <= len(KINDS) else rows.none()


def _of_result(rows: QuerySet, key: int, migration: Any, viewer: User) -> QuerySet:
    results = list(RESULTS)
    return rows.filter(verdict=results[key - 1]) if 0 < key <= len(results) else rows.none()


KIND = TabFilter("kind", "Kind", lambda _, viewer: NUMBERED_KINDS, _of_kind)
RESULT = TabFilter("result", "Result", lambda _, viewer: NUMBERED_RESULTS, _of_result)
COLUMNS: Sequence[Any] = (
    column("Kind", _kind),
    column("Line", _where),
    column("What", lambda row: cells.text(what(row), 120)),
    column("Result", _state),
    column("Message", lambda row: cells.sentence(row.message, 600)),
)


def status_of(migration: Migration) -> SafeString:
    label = migration.get_status_display()
    if migration.status == Status.RUNNING:
        return pill("running", migration.get_step_display(), live=True)
    return pill(migration.status, label)


def _remarks(migration: Migration) -> SafeString:
    said = [cells.sentence(text, 600) for text in migration.remark.splitlines()]
    return cells.lines(said) if said else cells.NOTHING


def progress(migration: Migration) -> dict[str, Any] | None:
    """Returns what the bar of a step under way shows."""
    if migration.status != Status.RUNNING:
        return None
    total = migration.rows_total
    if migration.step in {Step.PREVIEW, Step.UNDO}:
        total = sum(migration.counts.values_list("made", flat=True))
    reading = migration.step == Step.CHECK and migration.staged_at is None
    percent = None if reading or not total else min(100, 100 * migration.rows_done // total)
    said = f"{migration.rows_total if reading else migration.rows_done:,} rows"
    if not reading:
        said = f"{migration.rows_done:,} of {total:,} rows"
    return {"percent": percent, "line": said, "label": migration.get_step_display()}


@admin.register(Migration)
class MigrationAdmin(SitewideAdmin):
    file = column("File", "file_name", cells.text, sort=True)
    state = column("Status", status_of, sort="status")
    written = column("Format", "format")
    source = column("Written by", "source", cells.text, empty="Not said")
    total = column("Rows", "rows_total", "{:,}".format, sort=True)
    by = column("Uploaded by", lambda one: cells.done_by(one, "created_by"), sort="created_by__name")
    uploaded = column("Uploaded", "created_at", cells.moment, sort=True)
    applied = column("Applied", "applied_at", cells.moment, empty="Not yet", sort=True)
    ended = column("Last step ended", "finished_at", cells.moment, empty="Not yet")
    remarks = column("Remarks", _remarks)

    list_display = ["file", "state", "total", "by", "uploaded", "applied"]
    list_select_related = ["created_by"]
    list_filter = [choice_filter("status")]
    ordering = ["-id"]
    few_rows = True
    dialogs = DIALOGS
    fields = ["file", "state", "written", "source", "total", "by", "uploaded", "applied", "ended", "remarks"]
    tabs = (
        Tab(
            "problems",
            "Problems",
            _problems,
            COLUMNS,
            "No row has a problem.",
            filters=(KIND, RESULT),
        ),
        Tab("rows", "Rows", _rows, COLUMNS, "The file has no rows.", filters=(KIND, RESULT)),
    )
    empty_text = "Exports of other dashboards that were uploaded in Tools, Migration, are listed here."
    change_form_template = "dashboard/migration.html"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        found: Any = self.get_object(request, object_id)
        context = {} if found is None else _context(found, viewer_of(request))
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})


def _context(migration: Migration, viewer: User) -> dict[str, Any]:
    is_undone = migration.status == Status.UNDONE
    return {
        "migration": migration,
        "counts": [{"count": count, "label": LAYOUTS[count.kind].label} for count in migration.counts.all()],
        "progress": progress(migration),
        "shows_made": migration.applied_at is not None,
        "shows_undo": migration.previewed_at is not None and not is_undone,
        "is_undone": is_undone,
        "has_ids": migration.rows.filter(object_id__isnull=False).exists(),
        "has_problems": _problems(migration, viewer).exists(),
    }
