"""Finds the rows of pages that have changed. Most have not, which their digests show."""

from collections.abc import Iterable

import msgspec
from django.db import models
from msgspec import UNSET, UnsetType

from core.services.mirror.digests import known_digests
from core.services.mirror.outcome import Applied
from integrations.thinkific.runs.context import RunContext
from integrations.thinkific.runs.pages import RawPage, RawRow
from integrations.thinkific.runs.state import Place

Known = dict[int, tuple[int, int | None]]  # Thinkific id -> primary key, digest


class PostponedRow(msgspec.Struct, array_like=True):
    """A row that is stored at the end of the walk."""

    number: int  # the Thinkific id
    digest: int
    text: str


class PostponedPlace(Place):
    contested: list[PostponedRow] | UnsetType = UNSET


def postpone(context: RunContext, rows: Iterable[RawRow]) -> None:
    """Keep these rows for the end of the walk: they are about people who have an e-mail address that belongs
    to another account here."""
    place = context.place(PostponedPlace)
    waiting = (PostponedRow(row.id, row.digest, row.data.decode("utf-8", "replace")) for row in rows)
    place.contested = [*(place.contested or ()), *waiting]


def postponed_rows(context: RunContext) -> list[RawRow]:
    """Returns the rows that were kept, each once."""
    waiting = {row.number: row for row in context.place(PostponedPlace).contested or ()}
    return [RawRow(row.number, row.digest, row.text.encode()) for row in waiting.values()]


def changed_rows(
    model: type[models.Model], pages: Iterable[RawPage], applied: Applied, *, none_stored: bool = False
) -> tuple[list[RawRow], Known]:
    """Returns the rows whose digest differs from the stored one, each once, and the stored keys and digests
    of all rows. The others are counted as unchanged in `applied`. With `none_stored` the database is not
    asked: nothing is stored yet."""
    rows = list({row.id: row for page in pages for row in page.items}.values())
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
