"""What the files of the background have: the rows of a list or a tab, as its owner sees them at that
moment."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import PermissionDenied

from core.admin.kit.exports.listing import TOGETHER, find, narrowed
from core.exports.carry_out import Content, Tick
from core.exports.formats import written
from core.exports.person import data
from core.exports.person.rights import may_export
from core.migration import export as everything
from core.models import ExportFile, User
from core.models.files.exports import PERSON


def produce(file: ExportFile, owner: User, tick: Tick) -> Content:
    """Returns the content of a file. Raises PermissionDenied, or Http404 for what is gone."""
    if file.kind == PERSON:
        return _person(file, owner, tick)
    if file.kind == everything.EVERYTHING:
        return _everything(file, owner, tick)
    asked = file.parameters
    found = find(file.kind, owner, query=asked.get("query", ""), object_id=asked.get("object"))
    listing = narrowed(found, asked.get("chosen", ""))
    columns = listing.chosen(asked.get("columns", ())) or listing.chosen(())
    keys = listing.keys()
    rows = _told(listing.values(columns, keys), tick)
    heads = [one.head for one in columns]
    return Content(len(keys), written(file.file_format, listing.title, heads, rows))


def _person(file: ExportFile, owner: User, tick: Tick) -> Content:
    if file.person is None or not may_export(owner, file.person):
        raise PermissionDenied
    return Content(0, data.written(file.person, tick))


def _everything(file: ExportFile, owner: User, tick: Tick) -> Content:
    if not everything.may(owner):
        raise PermissionDenied
    count = everything.count()

    def parts() -> Iterator[bytes]:
        yield from everything.parts(file.parameters["form"])
        tick(count)

    return Content(count, parts())


def _told(rows: Iterable[Any], tick: Tick) -> Iterator[Any]:
    done = 0
    for done, row in enumerate(rows, start=1):
        yield row
        if done % TOGETHER == 0:
            tick(done)
    tick(done)
