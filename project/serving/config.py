"""Gunicorn's configuration for all installations: `gunicorn --config python:project.serving.config`.

WEB_CONCURRENCY sets the number of processes.
"""

from pathlib import Path
from typing import Any

from django.conf import settings

from project.serving.loopback import is_loopback

wsgi_app = "project.wsgi"
worker_class = "project.serving.worker.BufferingWorker"
threads = 8
# A new process is ready at once, instead of after seconds of importing.
preload_app = True
control_socket_disable = True
# Processes are replaced from time to time, which frees leaked memory.
max_requests = 20_000
max_requests_jitter = 2_000
graceful_timeout = 30
# Folder of the heartbeat files of the processes. On a disk a write could block a process.
# Gunicorn chooses names that nobody can guess.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 # nosec B108


def on_starting(server: Any) -> None:
    """Refuse to start with DEBUG where other machines can connect."""
    addresses = [address[0] for address in server.cfg.address if isinstance(address, tuple)]
    if settings.DEBUG and not all(is_loopback(address) for address in addresses):
        raise SystemExit(
            f"DEBUG is on, and other machines may reach {', '.join(addresses)}: it would show settings to "
            "everybody. Set DEBUG=0 and a SECRET_KEY, or listen on 127.0.0.1."
        )
