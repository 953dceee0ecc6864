"""Sets of the rows that have come in a walk.

Stored rows are kept as bitmaps of their primary keys, which take kilobytes where a set would take megabytes.
Rows that are not stored are kept by their Thinkific ids; there are few of them.
"""

import zlib
from array import array
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

    def replace_by(self, other: "Seen | None") -> None:
        self._chunks = other._chunks if other is not None else {}

    def up_to(self, top: int) -> int:
        """Returns how many of the keys are at most `top`."""
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
    """A set of Thinkific ids that is stored in the same column. Bitmaps would be too large, because the ids
    are far apart."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = set(numbers)

    def add(self, numbers: Iterable[int]) -> None:
        self._numbers.update(numbers)

    def clear(self) -> None:
        self._numbers.clear()

    def replace_by(self, other: "Numbers | None") -> None:
        self._numbers = other._numbers if other is not None else set()

    def __len__(self) -> int:
        return len(self._numbers)

    def dump(self) -> bytes:
        return array("q", self._numbers).tobytes()

    @classmethod
    def load(cls, data: bytes) -> "Numbers":
        return cls(array("q", data))


NUMBERS = "#"  # the prefix of the names of sets of Thinkific ids


class SeenRows:
    """The sets of one run, by the name of its list. `stored` is the run's column `seen`."""

    def __init__(self, stored: bytes | memoryview | None) -> None:
        self._rows: dict[str, Seen] = {}
        self._numbers: dict[str, Numbers] = {}
        for name, data in _decoded(stored).items():
            if name.startswith(NUMBERS):
                self._numbers[name.removeprefix(NUMBERS)] = Numbers.load(data)
            else:
                self._rows[name] = Seen.load(data)

    def rows(self, name: str) -> Seen:
        """Returns the stored rows that have come, by primary key."""
        return self._rows.setdefault(name, Seen())

    def numbers(self, name: str) -> Numbers:
        """Returns the rows without a stored row of their own, by Thinkific id."""
        return self._numbers.setdefault(name, Numbers())

    def forget(self, name: str) -> None:
        """Drop both sets of a list whose missing rows were dealt with."""
        self._rows.pop(name, None)
        self._numbers.pop(name, None)

    def restore(self, stored: bytes | memoryview | None) -> None:
        """Set every set to what is stored. The set objects stay the same, because walks keep references."""
        before = SeenRows(stored)
        for name, rows in self._rows.items():
            rows.replace_by(before._rows.get(name))
        for name, numbers in self._numbers.items():
            numbers.replace_by(before._numbers.get(name))

    def dump(self) -> bytes:
        rows = {name: one.dump() for name, one in self._rows.items()}
        numbers = {f"{NUMBERS}{name}": one.dump() for name, one in self._numbers.items()}
        return zlib.compress(msgspec.msgpack.encode(rows | numbers), level=1)


def _decoded(stored: bytes | memoryview | None) -> dict[str, bytes]:
    if not stored:
        return {}
    return msgspec.msgpack.decode(zlib.decompress(bytes(stored)), type=dict[str, bytes])
