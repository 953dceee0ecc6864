"""The web server of a storm: gunicorn as in production, whose processes are killed."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.services import free_port


class Web:
    """Gunicorn with two processes. A killed process is replaced; sometimes the master is killed too."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.killed = 0
        self._start()

    def kill_one(self, dice: random.Random) -> None:
        children = _children(self.master.pid)
        if dice.random() < 0.1 or not children:
            os.killpg(self.master.pid, signal.SIGKILL)
            self.master.wait()
            self._start()
        else:
            try:
                os.kill(dice.choice(children), signal.SIGKILL)
            except ProcessLookupError:
                return
        self.killed += 1

    def stop(self) -> None:
        os.killpg(self.master.pid, signal.SIGKILL)
        self.master.wait()

    def _start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "--config=python:project.serving.config"]
        self.master = subprocess.Popen(
            [*command, f"--bind=127.0.0.1:{self.port}", "--workers=2"],
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                requests.get(f"{self.url}/api/openapi.json", timeout=5)
                return
            except requests.RequestException:
                time.sleep(0.1)
        raise RuntimeError("The web server did not start.")


def _children(pid: int) -> list[int]:
    """Returns the processes that a process has started."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(child) for child in text.split()]
