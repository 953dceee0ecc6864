"""One `make run` at a time on a folder: two would write into one journal of the stand-in."""

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
    """Hold the folder's lock; call what this yields with the address, for whoever is refused meanwhile.

    The system gives the lock back when the process ends, however it ends.
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

        file.truncate(0)  # what it says is of a run that is over
        yield tell


def _where(path: Path) -> str:
    address, _, process = path.read_text().strip().partition(" ")
    return f" at {address} (process {process})" if process else ""
