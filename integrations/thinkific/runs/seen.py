"""Which rows a walk has met: stored ones as bitmaps over their primary keys, kilobytes where a set would take
megabytes; and those that are not stored by their Thinkific ids, of which there are few."""

import zlib
from array import array
from collections.abc import Iterable, Mapping

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

    def become(self, other: "Seen | None") -> None:
        self._chunks = other._chunks if other is not None else {}

    def up_to(self, top: int) -> int:
        """How many of them are at most `top`."""
        high, low = divmod(top + 1, CHUNK)
        whole = (chunk for number, chunk in self._chunks.items() if number < high)
        count = sum(int.from_bytes(chunk, "little").bit_count() for chunk in whole)
        last = int.from_bytes(self._chunks.get(high, b""), "little") & ((1 << low) - 1)
        return count + last.bit_count()

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


class Numbers:
    """A set of Thinkific ids that fits into the same column: they are far apart, so bitmaps would not do."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = set(numbers)

    def add(self, numbers: Iterable[int]) -> None:
        self._numbers.update(numbers)

    def clear(self) -> None:
        self._numbers.clear()

    def become(self, other: "Numbers | None") -> None:
        self._numbers = other._numbers if other is not None else set()

    def __len__(self) -> int:
        return len(self._numbers)

    def dump(self) -> bytes:
        return array("q", self._numbers).tobytes()

    @classmethod
    def load(cls, data: bytes) -> "Numbers":
        return cls(array("q", data))


NUMBERS = "#"  # begins the names of sets of Thinkific ids


def dump_all(sets: Mapping[str, Seen | Numbers]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode({name: one.dump() for name, one in sets.items()}), level=1)


def load_all(data: bytes | memoryview | None) -> dict[str, Seen | Numbers]:
    if not data:
        return {}
    stored = msgspec.msgpack.decode(zlib.decompress(bytes(data)), type=dict[str, bytes])
    return {
        name: Numbers.load(one) if name.startswith(NUMBERS) else Seen.load(one)
        for name, one in stored.items()
    }
