"""A file with the writes of a site, one JSON object per line. A restarted site repeats them."""

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from integrations.thinkific.sandbox.site.site import Site


class JournalMismatch(Exception):
    """The journal belongs to a site of another size, seed or date."""


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def origin(self) -> dict[str, Any] | None:
        """Returns the scale, seed and date of the site that this journal belongs to;

        None for a new journal.
        """
        lines = self._lines()
        return lines[0]["origin"] if lines else None

    def attach(self, site: "Site") -> int:
        """Repeat the writes of the journal on the site, and record later ones.

        Returns how many were repeated. Raises JournalMismatch if the journal belongs to another site.
        """
        lines = self._lines()
        if lines and lines[0]["origin"] != site.origin:
            raise JournalMismatch(
                f"{self.path} continues another site; give its sizes and seed, or another file."
            )
        for line in lines[1:]:
            site.replay(line["at"], line["write"], line["arguments"])
        # The last line may be incomplete. The file is written again, so that new lines do not follow on it.
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("wb")
        for line in lines or [{"origin": site.origin}]:
            self._append(line)
        self._file.flush()
        site.recorders.append(self._record)
        return max(len(lines) - 1, 0)

    def close(self) -> None:
        if self._file:
            self._file.close()

    def _lines(self) -> list[dict[str, Any]]:
        if not self.path.exists():
            return []
        lines = []
        for text in self.path.read_bytes().splitlines():
            try:
                lines.append(msgspec.json.decode(text))
            except msgspec.DecodeError:
                break  # the process was killed while it wrote this line
        return lines

    def _record(self, moment: int, name: str, arguments: dict[str, Any]) -> None:
        self._append({"at": moment, "write": name, "arguments": arguments})
        if self._file:
            self._file.flush()  # so that a killed process loses no write that it has answered

    def _append(self, line: dict[str, Any]) -> None:
        if self._file and not self._file.closed:
            self._file.write(msgspec.json.encode(line) + b"\n")
