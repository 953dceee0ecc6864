"""What every kind of row has: how it is found here, judged, made, exported and taken back."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, ClassVar

from django.db.models import Model, QuerySet

from core.migration.format import LAYOUTS, Layout
from core.migration.rows import Row, Run, Verdict
from core.models import User
from core.services.history import record_many
from core.services.storage import bulk


class Kind:
    """One kind of row. A migration only adds: what is here already stays as it is.

    Rows are made in bulk and not by the services of their models. These push to Thinkific, tell webhooks and
    work one by one; of a migration Thinkific and other programs learn nothing. The rules of the services hold
    here too, and every row has its history, in the name of whoever applies the migration.
    """

    name: ClassVar[str]
    model: ClassVar[type[Model]]
    code: ClassVar[str]  # the permission to make one
    undo_code: ClassVar[str] = ""  # the permission to take one back, where it is another one

    @property
    def layout(self) -> Layout:
        return LAYOUTS[self.name]

    # --- checking ------------------------------------------------------------------------------------

    def judge(self, rows: Sequence[Row], run: Run) -> None:
        """Set the verdict of each row: new, the same, different here, or refused with the reason."""
        run.resolve(self.layout, rows)
        rows = [row for row in rows if row.verdict != Verdict.REFUSED]
        self.find(rows, run)
        new = [row for row in rows if row.verdict == Verdict.NEW]
        if new and (why := run.lacks(self.code)):
            for row in new:
                row.refuse(why)
            return
        self.check(new, run)

    def find(self, rows: Sequence[Row], run: Run) -> None:
        """Mark the rows that are here already."""
        raise NotImplementedError

    def check(self, rows: Sequence[Row], run: Run) -> None:
        """Refuse new rows that cannot be made."""

    # --- applying ------------------------------------------------------------------------------------

    def write(self, rows: Sequence[Row], run: Run) -> None:
        """Make these rows, which are new, and set their `object_id`. Called inside a transaction."""
        raise NotImplementedError

    def insert(
        self,
        model: type[Model],
        columns: Sequence[str],
        values: Sequence[Sequence[Any]],
        run: Run,
    ) -> list[int]:
        """Insert rows with their history. Returns their primary keys."""
        keys = bulk.insert(model, columns, values)
        record(model, keys, "+", run.by, run.reason)
        return keys

    # --- exporting -----------------------------------------------------------------------------------

    def export(self) -> Iterator[Sequence[Any]]:
        """Yields the rows of this dashboard, with the values of the layout's columns in their order."""
        raise NotImplementedError

    # --- undoing -------------------------------------------------------------------------------------

    def may_cascade(self) -> set[type[Model]]:
        """Returns the models whose rows about this one go with it, and do not show that it is used."""
        return set()

    def why_kept(self, rows: Sequence[Row], run: Run) -> dict[int, str]:
        """Returns why objects (primary keys) stay, for reasons that their relations do not tell."""
        return {}

    def take_back(self, rows: Sequence[Row], by: User, reason: str) -> None:
        """Delete the objects of these rows, with their history."""
        objects = self.model._base_manager.filter(pk__in=[row.object_id for row in rows])
        keys = [row.object_id for row in rows if row.object_id is not None]
        record(self.model, keys, "-", by, reason)
        self.before_deletion(keys, by, reason)
        delete(objects)

    def before_deletion(self, keys: Sequence[int], by: User, reason: str) -> None:
        """Delete what goes along."""


def record(model: type[Model], keys: Iterable[int | None], kind: str, by: User, reason: str) -> None:
    """Write the present values of these objects to their history: made ("+"), changed ("~"), or to be deleted
    ("-")."""
    keys = list(keys)
    if keys and hasattr(model, "history"):
        record_many(model._base_manager.filter(bulk.among("pk", keys)), kind, by=by, reason=reason)


def delete(rows: QuerySet) -> None:
    """Delete rows whose history is written already, without a signal for each."""
    rows.order_by()._raw_delete(rows.db)


def differences(pairs: Sequence[tuple[str, Any, Any]]) -> list[str]:
    """Returns what differs, in words, from (name, value here, value in the file)."""
    return [
        f"{name} is {_word(here)}, in the file {_word(theirs)}"
        if not isinstance(here, bool)
        else f"{name}: {_word(here)}, in the file {_word(bool(theirs))}"
        for name, here, theirs in pairs
        if (here or None) != (theirs or None)
    ]


def _word(value: Any) -> str:
    if value is True or value is False:
        return "yes" if value else "no"
    text = str(value) if value not in (None, "") else "empty"
    return f"“{text[:60]}”" if isinstance(value, str) and value else text[:60]
