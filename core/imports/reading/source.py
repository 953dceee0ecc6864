"""The bytes of an uploaded file, read from several places at once."""

import io
import os
from collections.abc import Iterator
from typing import BinaryIO

CHUNK = 64 * 1024


class Source:
    """Bytes, or a file that can seek. Every read says from where, so readers do not disturb each other."""

    def __init__(self, file: BinaryIO | bytes) -> None:
        self.file: BinaryIO = io.BytesIO(file) if isinstance(file, bytes) else file
        self.file.seek(0, os.SEEK_END)
        self.size = self.file.tell()

    def read(self, start: int, length: int) -> bytes:
        self.file.seek(start)
        return self.file.read(length)

    def chunks(self, start: int = 0) -> Iterator[bytes]:
        while chunk := self.read(start, CHUNK):
            yield chunk
            start += len(chunk)
