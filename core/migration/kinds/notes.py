"""Notes, found by the person, the time and the text."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from core.migration.kinds.kind import Kind
from core.migration.rows import Row, Run
from core.migration.values import moment
from core.models import Note
from core.models.fields.history import done_by
from core.services.storage import bulk

COLUMNS = ["user_id", "team_id", "author_id", "author_name", "text", "created_at", "edited_at"]


class Notes(Kind):
    name, model, code = "notes", Note, "notes.create"

    def find(self, rows: Sequence[Row], run: Run) -> None:
        people = {row.keys["person"] for row in rows if row.keys["person"] > 0}
        times = {time for row in rows if (time := moment(row.values["written_at"])) is not None}
        notes = Note.objects.filter(bulk.among("user_id", people), created_at__in=times)
        found: dict[tuple[int, datetime | None, str], list[int]] = {}
        notes = notes.exclude(pk__in=run.matched(self.name, before=rows)).order_by("pk")
        for key, user, at, text in notes.values_list("pk", "user", "created_at", "text"):
            found.setdefault((user, at, text), []).append(key)
        for row in rows:
            written = moment(row.values["written_at"])
            if same := found.get((row.keys["person"], written, row.values["text"])):
                row.is_there(same.pop(0))

    def write(self, rows: Sequence[Row], run: Run) -> None:
        """The author is an account that this migration has made, or whoever applies it. Nobody else has a
        note written for them by a file: only the name is kept."""
        made = run.made("people", rows, "author") | {run.by.pk}
        values = []
        for row in rows:
            author = row.keys["author"] if row.keys["author"] in made else None
            name = None if author else row.values["author_name"] or None
            values.append(
                (
                    *(row.keys["person"], row.keys["team"], author, name, row.values["text"]),
                    *(moment(row.values["written_at"]), moment(row.values["edited_at"])),
                )
            )
        for row, key in zip(rows, self.insert(Note, COLUMNS, values, run), strict=True):
            row.object_id = key

    def export(self) -> Iterator[Sequence[Any]]:
        notes = Note.objects.order_by("pk").select_related("author")
        for note in notes.iterator(chunk_size=500):
            yield (
                *(note.user_id, note.author_id, done_by(note, "author"), note.team_id),
                *(note.created_at, note.edited_at, note.text),
            )
