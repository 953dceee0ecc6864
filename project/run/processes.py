"""Runs several processes in one terminal: prefixes their output, and stops all when one ends."""

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
STOP_WITHIN = 15.0  # seconds; the worker lets its tasks finish their page


class Ended(Exception):
    """A process ended although it was not stopped."""


class StopAsked(Exception):
    """The user pressed Ctrl-C, the terminal was closed, or a SIGTERM came."""


@dataclass(frozen=True)
class Running:
    name: str
    process: subprocess.Popen[str]


class Processes:
    """Call `start` for each process, then `watch`. Leaving the context stops all of them."""

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
            # In a session of its own: Ctrl-C reaches only this process, which can signal all descendants.
            start_new_session=True,
            preexec_fn=_stop_with_us,
        )
        running = Running(name, process)
        self.running.append(running)
        threading.Thread(target=self._pass_on, args=(running,), daemon=True).start()
        threading.Thread(target=self._wait, args=(running,), daemon=True).start()

    def watch(self, seconds: float | None = None) -> None:
        """Wait that long (None: for ever). Raises Ended as soon as one of the processes ends."""
        with contextlib.suppress(queue.Empty):
            running = self.ended.get(timeout=seconds)
            code = running.process.returncode
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            raise Ended(f"{running.name} ended by itself ({how}); its last lines above say why.")

    def stop(self) -> None:
        """Ask all processes to stop, the last one first; kill those that do not stop within STOP_WITHIN."""
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
        time.sleep(0.2)  # so that its last lines are printed first
        self.ended.put(running)


def say(line: str, name: str = "run") -> None:
    prefix = f"{name:<9} | "
    if sys.stdout.isatty() and name in COLOURS:
        prefix = f"\033[{COLOURS[name]}m{prefix}\033[0m"
    # Ignored when the terminal is closed: the processes still have to be stopped.
    with contextlib.suppress(OSError):
        sys.stdout.write(f"{prefix}{line}\n")
        sys.stdout.flush()


def _signal(running: Running, number: signal.Signals) -> None:
    # Signals the group, so that children that a dead process left behind are stopped too.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(running.process.pid, number)


def _on_signal(number: int, frame: FrameType | None) -> None:
    raise StopAsked


def _stop_with_us() -> None:
    """Make Linux stop the child process when this process is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
