"""The memory of this process, without mapped files of the database."""

import threading
from pathlib import Path


class Peak:
    """Watches how much more memory the process takes than when this was made, until `stop`."""

    def __init__(self) -> None:
        self._idle = self._most = _resident()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Returns MiB."""
        self._over.set()
        self._thread.join()
        return self._most - self._idle

    def _run(self) -> None:
        while not self._over.wait(0.02):
            self._most = max(self._most, _resident())


def _resident() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise ValueError("RssAnon")
