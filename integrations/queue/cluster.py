"""One `manage.py qcluster` in a process group of its own."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time

from django.conf import settings

PR_SET_PDEATHSIG = 1


def _stop_with_the_supervisor() -> None:
    """Ask Linux to stop the cluster when its supervisor is killed, because nothing would watch it then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Cluster:
    def __init__(self, *, workers: int | None = None) -> None:
        environment = dict(os.environ)
        if workers:
            environment["QUEUE_WORKERS"] = str(workers)
        self.process = subprocess.Popen(  # noqa: S603
            [sys.executable, str(settings.BASE_DIR / "manage.py"), "qcluster"],
            env=environment,
            # A process group of its own: Ctrl-C in the terminal reaches only the supervisor, and the
            # supervisor can kill the whole group at once.
            start_new_session=True,
            preexec_fn=_stop_with_the_supervisor,
        )

    @property
    def group(self) -> int:
        return self.process.pid

    def exit_code(self) -> int | None:
        return self.process.poll()

    def ask_to_stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> bool:
        """Returns whether the cluster ended within that time."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """Kill every process of the group, also stopped and orphaned ones."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        self.process.wait()
        self._reap()

    def _reap(self) -> None:
        """Wait for the ended processes of the group.

        In a container the supervisor may be process 1, which becomes the parent of orphaned processes.
        """
        for _ in range(20):
            try:
                pid, _status = os.waitpid(-self.group, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                time.sleep(0.05)
