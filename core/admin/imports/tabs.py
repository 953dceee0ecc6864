"""The tab Lines of an import: what became of each line."""

from collections.abc import Callable
from typing import Any

from django.db.models import IntegerField, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.safestring import SafeString

from core.admin.kit import cells
from core.admin.kit.lists.columns import column
from core.admin.kit.tabs import Choice, Tab, TabFilter
from core.imports.group_matching.columns import FIELDS
from core.models import ImportBatch, ImportRow, User
from core.pills import pill_of

OUTCOMES = [Choice(number, str(label)) for number, label in enumerate(ImportRow.Status.labels, start=1)]


def rows_of(batch: ImportBatch, viewer: User) -> QuerySet[ImportRow]:
    person = Cast(KeyTextTransform("user", "done"), IntegerField())
    return batch.rows.order_by("number").annotate(person=person)


def _with_outcome(rows: QuerySet, key: int, batch: ImportBatch, viewer: User) -> QuerySet:
    values = ImportRow.Status.values
    return rows.filter(status=values[key - 1]) if 1 <= key <= len(values) else rows.none()


def _who(row: Any) -> SafeString:
    """Returns the address of the line, as a link to the person where the viewer may see them. The name is
    that of the file: of people outside the viewer's sight nothing else is shown."""
    values = row.values if isinstance(row.values, dict) else {}
    address = str(next((value for value in values.values() if "@" in str(value)), "")) or "—"
    return cells.text(address) if row.person is None else cells.link(User(pk=row.person), address)


def _values(row: ImportRow) -> SafeString:
    """Returns the cells that are kept of a line, beside the address."""
    values = row.values if isinstance(row.values, dict) and row.values.keys() != {"email"} else {}
    return cells.text(", ".join(f"{name}: {value}" for name, value in values.items()), 200)


def _messages(row: ImportRow) -> SafeString:
    said = []
    for error in row.errors:
        if isinstance(error, dict):
            about, text = error.get("column"), error.get("message", "")
            said.append(f"{about}: {text}" if about else text)
        else:
            said.append(str(error))
    return cells.sentence(" ".join(said), 600)


def _cell_of(label: str) -> Callable[[ImportRow], SafeString]:
    """Returns a column's cell, as the file wrote it or as it was corrected."""

    def cell(row: ImportRow) -> SafeString:
        return cells.text(row.values.get(label, "") if isinstance(row.values, dict) else "")

    return cell


LINES_TAB = Tab(
    "rows",
    "Lines",
    rows_of,
    [
        column("Line", "number"),
        column("Person", _who),
        column("Outcome", pill_of("status")),
        column("Remarks", _messages),
        column("Values", _values),
    ],
    "No line was imported.",
    applies=lambda batch: batch.kind != ImportBatch.Kind.GROUP_MATCHING,
    filters=(TabFilter("outcome", "Outcome", lambda batch, viewer: OUTCOMES, _with_outcome),),
)
MATCHES_TAB = Tab(
    "matches",
    "Lines",
    lambda batch, viewer: batch.rows.order_by("number"),
    [
        column("Line", "number"),
        *(column(label, _cell_of(label)) for label in FIELDS.values()),
        column("Outcome", pill_of("status")),
        column("Remarks", _messages),
    ],
    "No line was imported.",
    applies=lambda batch: batch.kind == ImportBatch.Kind.GROUP_MATCHING,
    filters=(
        TabFilter("outcome", "Outcome", lambda batch, viewer: OUTCOMES[:2] + OUTCOMES[4:], _with_outcome),
    ),
)
