"""Export a list, or all that is held about a person, as the screens do."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.core.management.base import CommandError, CommandParser
from django.http import Http404

from core.admin.kit.exports.listing import exporting_screens, find
from core.exports.formats import FORMATS, written
from core.exports.person import data
from core.exports.person.rights import may_export
from core.management.base import LocalTimeCommand
from core.models import User
from core.models.files.exports import PERSON


class Command(LocalTimeCommand):
    help = (
        "Write all rows that a list of the dashboard shows to a file or to the standard output. "
        "The rows are those that the person in --as may see; without it those of an administrator."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = ", ".join(sorted(exporting_screens()))
        parser.add_argument(
            "kind",
            metavar="KIND",
            help=f"which list: {kinds}; a tab of a page with --of (teams-users); or {PERSON} with --about",
        )
        parser.add_argument("--format", choices=list(FORMATS), default="csv")
        parser.add_argument("--output", metavar="FILE", help="without it: the standard output")
        parser.add_argument("--as", dest="viewer", metavar="EMAIL", help="whose list")
        parser.add_argument(
            "--filter",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="as in the list's address (status=active, q=acme, o=-1); several are possible",
        )
        parser.add_argument("--columns", metavar="NAMES", help="separated by commas; without: those seen")
        parser.add_argument("--of", type=int, metavar="ID", help="the object whose tab it is")
        parser.add_argument("--about", metavar="EMAIL", help=f"whom {PERSON} is about")

    def handle(self, *args: Any, **options: Any) -> None:
        viewer = _viewer(options["viewer"])
        try:
            if options["kind"] == PERSON:
                parts = _about(viewer, options["about"], options["format"])
            else:
                parts = _rows(viewer, options)
        except PermissionDenied:
            raise CommandError(f"{viewer} may not export {options['kind']}.") from None
        except Http404:
            raise CommandError(
                f"There is nothing that is called {options['kind']}, or the filter is none of its list. "
                "--help names the lists."
            ) from None
        self._write(parts, options["output"])

    def _write(self, parts: Iterable[bytes], output: str | None) -> None:
        if output is None:
            _copy(parts, sys.stdout.buffer)
            return
        path = Path(output)
        try:
            with path.open("wb") as file:
                _copy(parts, file)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}") from None


def _copy(parts: Iterable[bytes], file: BinaryIO) -> None:
    for part in parts:
        file.write(part)
    file.flush()


def _viewer(address: str | None) -> User:
    if address is None:
        everybody = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
        if everybody is None:
            raise CommandError("There is no superuser. Say with --as whose list to export.")
        return everybody
    found = User.objects.of_address(address).filter(is_active=True).first()
    if found is None:
        raise CommandError(f"Nobody has an active account with {address}.")
    return found


def _rows(viewer: User, options: dict[str, Any]) -> Iterator[bytes]:
    """Returns the bytes of the list's file. Everything that can be wrong is found before the first one."""
    pairs = [pair.partition("=") for pair in options["filter"]]
    if any(not name or not equals for name, equals, _ in pairs):
        raise CommandError("A filter is written NAME=VALUE.")
    query = urlencode([(name, value) for name, _, value in pairs])
    listing = find(options["kind"], viewer, query=query, object_id=options["of"])
    wanted = [name.strip() for name in (options["columns"] or "").split(",") if name.strip()]
    known = [one.key for one in listing.columns]
    if unknown := set(wanted) - set(known):
        raise CommandError(f"No column is called {', '.join(sorted(unknown))}. There are {', '.join(known)}.")
    columns = listing.chosen(wanted)
    rows = listing.values(columns, listing.keys())
    return written(options["format"], listing.title, [one.head for one in columns], rows)


def _about(viewer: User, address: str | None, file_format: str) -> Iterator[bytes]:
    if address is None:
        raise CommandError("Say with --about whom it is about.")
    if file_format != "json":
        raise CommandError("All that is held about a person is a JSON document: use --format json.")
    person = User.objects.of_address(address).first()
    if person is None:
        raise CommandError(f"Nobody has an account with {address}.")
    if not may_export(viewer, person):
        raise PermissionDenied
    return data.written(person, lambda rows: None)
