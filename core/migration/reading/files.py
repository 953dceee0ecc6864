"""Uploaded migrations: recognised by what they hold, and stored in pieces."""

from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

from core.migration.reading.archives import Archive
from core.migration.reading.documents import Document
from core.migration.reading.entries import HELP, LARGEST_UPLOAD, Unusable
from core.models import Migration, MigrationPart

PART = 1_000_000  # bytes
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


@contextmanager
def copied(file: BinaryIO, name: str) -> Iterator[BinaryIO]:
    """Opens a copy of an upload on disk. Raises Unusable when it is empty or too large."""
    with TemporaryFile() as copy:
        left = LARGEST_UPLOAD
        while part := file.read(PART):
            left -= len(part)
            if left <= 0:
                raise Unusable(
                    f"“{name}” has {LARGEST_UPLOAD // 1_000_000} MB or more. Pack CSV files into a ZIP "
                    "archive, or split it into several migrations."
                )
            copy.write(part)
        if left == LARGEST_UPLOAD:
            raise Unusable(f"“{name}” is empty. {HELP}")
        copy.seek(0)
        yield copy


def opened(file: BinaryIO, name: str) -> Archive | Document:
    """Returns the reader of a file. Raises Unusable for a file that is neither of the two formats."""
    file.seek(0)
    head = file.read(64)
    file.seek(0)
    if head.startswith(_ZIP):
        return Archive(file, name)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        return Document(file, name)
    raise Unusable(
        f"“{name}” is neither a ZIP archive of CSV files nor a JSON document. {HELP} Single CSV files are "
        "imported by the tab CSV Import."
    )


def store(migration: Migration, file: BinaryIO) -> None:
    """Store the bytes of a file. Call it inside a transaction."""
    file.seek(0)
    number = 0
    while part := file.read(PART):
        MigrationPart.objects.create(migration=migration, number=number, content=part)
        number += 1


@contextmanager
def reader_of(migration: Migration) -> Iterator[Archive | Document]:
    """Opens the stored file. Raises Unusable; also when the file is no longer kept."""
    with TemporaryFile() as file:
        for number in list(migration.parts.order_by("number").values_list("number", flat=True)):
            content = migration.parts.filter(number=number).values_list("content", flat=True).get()
            file.write(bytes(content))
        if not file.tell():
            raise Unusable(f"“{migration.file_name}” is no longer kept. Upload it again.")
        yield opened(file, migration.file_name)
