"""Gunicorn's configuration, the same everywhere: `gunicorn --config python:project.serving.config`.

WEB_CONCURRENCY sets the processes.
"""

from pathlib import Path

wsgi_app = "project.wsgi"
worker_class = "project.serving.worker.BufferingWorker"
threads = 8
# A new process is there at once instead of after seconds of importing.
preload_app = True
control_socket_disable = True
# Memory that is lost bit by bit comes back with a new process.
max_requests = 20_000
max_requests_jitter = 2_000
graceful_timeout = 30
# The file by which a process shows that it lives; on a disk a write could block it.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
