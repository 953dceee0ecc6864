"""The stored bytes of uploaded files, in pieces."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import BinaryIO

from core.imports.reading.table import LARGEST_FILE, Table, open_table
from core.models import ImportBatch, ImportFilePart

PART = 1_000_000  # bytes


@contextmanager
def copied(file: BinaryIO) -> Iterator[BinaryIO]:
    """Opens a copy of an upload on disk, as far as it may be read: one byte more than the largest file."""
    with TemporaryFile() as copy:
        left = LARGEST_FILE + 1
        while left > 0 and (part := file.read(min(PART, left))):
            copy.write(part)
            left -= len(part)
        copy.seek(0)
        yield copy


def store(batch: ImportBatch, file: BinaryIO) -> None:
    """Store the bytes of a file with its batch. Call it inside a transaction."""
    file.seek(0)
    number = 0
    while part := file.read(PART):
        ImportFilePart.objects.create(batch=batch, number=number, content=part)
        number += 1


def digest_of(file: BinaryIO) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while part := file.read(PART):
        digest.update(part)
    return digest.hexdigest()


@contextmanager
def table_of(batch: ImportBatch, *, sheet: str | None = None) -> Iterator[Table]:
    """Opens the stored file; without `sheet` the sheet of its options. Raises Unreadable; also when the file
    is no longer kept."""
    if sheet is None:
        sheet = batch.options.get("sheet", "")
    with TemporaryFile() as file:
        numbers = batch.parts.order_by("number").values_list("number", flat=True)
        for number in list(numbers):
            part = batch.parts.filter(number=number).values_list("content", flat=True).get()
            file.write(bytes(part))
        file.seek(0)
        yield open_table(file, name=batch.file_name, sheet=sheet)


def is_kept(batch: ImportBatch) -> bool:
    return batch.parts.exists()
