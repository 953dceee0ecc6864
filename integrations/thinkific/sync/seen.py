"""Which stored rows a walk has met: bitmaps over primary keys, kilobytes where a set would take megabytes."""

import zlib
from collections.abc import Iterable

import msgspec

CHUNK = 1 << 16  # primary keys per bitmap


class Seen:
    """A set of primary keys that fits into a column of the run."""

    def __init__(self) -> None:
        self._chunks: dict[int, bytearray] = {}

    def add(self, pks: Iterable[int]) -> None:
        for pk in pks:
            high, low = divmod(pk, CHUNK)
            chunk = self._chunks.get(high)
            if chunk is None:
                chunk = self._chunks[high] = bytearray(CHUNK // 8)
            chunk[low >> 3] |= 1 << (low & 7)

    def clear(self) -> None:
        self._chunks.clear()

    def __contains__(self, pk: int) -> bool:
        high, low = divmod(pk, CHUNK)
        chunk = self._chunks.get(high)
        return chunk is not None and bool(chunk[low >> 3] & 1 << (low & 7))

    def __len__(self) -> int:
        return sum(int.from_bytes(chunk, "little").bit_count() for chunk in self._chunks.values())

    def dump(self) -> bytes:
        parts = [high.to_bytes(8, "little") + bytes(chunk) for high, chunk in self._chunks.items()]
        return b"".join(parts)

    @classmethod
    def load(cls, data: bytes) -> "Seen":
        seen, size = cls(), 8 + CHUNK // 8
        for start in range(0, len(data), size):
            high = int.from_bytes(data[start : start + 8], "little")
            seen._chunks[high] = bytearray(data[start + 8 : start + size])
        return seen


def dump_all(seen: dict[str, Seen]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode({name: one.dump() for name, one in seen.items()}), level=1)


def load_all(data: bytes | memoryview | None) -> dict[str, Seen]:
    if not data:
        return {}
    stored = msgspec.msgpack.decode(zlib.decompress(bytes(data)), type=dict[str, bytes])
    return {name: Seen.load(one) for name, one in stored.items()}
