"""What of some pages is news: most rows are stored as they came, to the byte, and are done with here."""

from collections.abc import Iterable

from django.db import models

from core.services.mirror.digests import known_digests
from core.services.mirror.outcome import Applied
from integrations.thinkific.runs.pages import RawPage, RawRow

Known = dict[int, tuple[int, int | None]]  # Thinkific id -> primary key, digest


def changed_rows(
    model: type[models.Model], pages: Iterable[RawPage], applied: Applied, *, none_stored: bool = False
) -> tuple[list[RawRow], Known]:
    """The rows whose digest is not the stored one, each once, and what is known of all; the others are
    counted as unchanged. With `none_stored` nothing is known, and nobody looks."""
    rows = list({row.id: row for page in pages for row in page.rows}.values())
    if none_stored:
        return rows, {}
    known = known_digests(model, [row.id for row in rows])
    changed: list[RawRow] = []
    for row in rows:
        pk, digest = known.get(row.id, (0, None))
        if digest == row.digest:
            applied.unchanged += 1
            applied.met.append(pk)
        else:
            changed.append(row)
    return changed, known
