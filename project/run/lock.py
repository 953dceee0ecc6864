"""Only one `make run` at a time in a folder: two would write to the same journal of the stand-in."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from project.run.ports import CannotStart

ALREADY_RUNS = (
    "The dashboard already runs in this folder{where}. Stop it with Ctrl-C there, "
    "or set VAR_DIR to another folder."
)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[Callable[[str], None]]:
    """Hold the folder's lock. Yields a function that stores the dashboard's address in the lock file, for the
    message to a second start. Raises CannotStart when the folder is in use or cannot be written.

    The system releases the lock when the process ends, however it ends.
    """
    path = folder / "running"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+")
    except OSError as error:
        raise CannotStart(
            f"The folder {folder} cannot be written: {error.strerror}. Set VAR_DIR to another one."
        ) from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise CannotStart(ALREADY_RUNS.format(where=_where(path))) from error

        def tell(address: str) -> None:
            file.truncate(0)
            file.write(f"{address} {os.getpid()}\n")
            file.flush()

        file.truncate(0)  # removes the address of an earlier start
        yield tell


def _where(path: Path) -> str:
    address, _, process = path.read_text().strip().partition(" ")
    return f" at {address} (process {process})" if process else ""
