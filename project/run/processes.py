"""Several processes in one terminal: their output with a prefix, one end for all of them."""

import contextlib
import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import IO, Self

PR_SET_PDEATHSIG = 1
COLOURS = {"thinkific": "35", "web": "36", "worker": "33"}
STOP_WITHIN = 15.0  # seconds; the worker lets its tasks come to the end of their page


class Ended(Exception):
    """A process ended although nobody asked it to."""


class StopAsked(Exception):
    """Ctrl-C, a closed terminal or a SIGTERM."""


@dataclass(frozen=True)
class Running:
    name: str
    process: subprocess.Popen[str]


class Processes:
    """Start with `start`, then `watch`. Leaving the context stops all, whatever the reason."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Running] = []
        self.ended: queue.SimpleQueue[Running] = queue.SimpleQueue()

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=self.folder,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # A session of its own: Ctrl-C reaches only us, and we can signal all of its descendants.
            start_new_session=True,
            preexec_fn=_stop_with_us,
        )
        running = Running(name, process)
        self.running.append(running)
        threading.Thread(target=self._pass_on, args=(running,), daemon=True).start()
        threading.Thread(target=self._wait, args=(running,), daemon=True).start()

    def watch(self, seconds: float | None = None) -> None:
        """Return after that time; raise Ended as soon as one of the processes ends."""
        with contextlib.suppress(queue.Empty):
            running = self.ended.get(timeout=seconds)
            code = running.process.returncode
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            raise Ended(f"{running.name} ended by itself ({how}); its last lines above say why.")

    def stop(self) -> None:
        """Ask all of them to stop, the last started first; kill what does not."""
        for running in reversed(self.running):
            _signal(running, signal.SIGTERM)
        try:
            deadline = time.monotonic() + STOP_WITHIN
            for running in self.running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    running.process.wait(max(0.0, deadline - time.monotonic()))
        except StopAsked:
            say("killing what still runs")
        finally:
            for running in self.running:
                _signal(running, signal.SIGKILL)

    def _pass_on(self, running: Running) -> None:
        output: IO[str] | None = running.process.stdout
        for line in output or ():
            say(line.rstrip("\n"), running.name)

    def _wait(self, running: Running) -> None:
        running.process.wait()
        time.sleep(0.2)  # its last lines first
        self.ended.put(running)


def say(line: str, name: str = "run") -> None:
    prefix = f"{name:<9} | "
    if sys.stdout.isatty() and name in COLOURS:
        prefix = f"\033[{COLOURS[name]}m{prefix}\033[0m"
    # A closed terminal is no reason to leave the processes running.
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{prefix}{line}\n")
        sys.stdout.flush()


def _signal(running: Running, number: signal.Signals) -> None:
    # The group, not the process: what a dead process left behind has to go as well.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.process.pid, number)


def _on_signal(number: int, frame: FrameType | None) -> None:
    raise StopAsked


def _stop_with_us() -> None:
    """Linux stops the process even when we are killed and cannot."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
