"""Starts the web server as production does, and slow clients."""

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import migrated
from tests.services import free_port

ROOT = Path(__file__).parents[3]
KEY = "kq3Zr8vT1xN6mB0yW4sD7fG2hJ9lP5cA-eR_uYiOoQwEzXtVbNmKjHgFdSa"
HOST = b"Host: localhost\r\n"


@dataclass(frozen=True)
class Server:
    port: int
    process: subprocess.Popen[bytes]

    def get(self, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Host": "localhost", **headers})
            response = connection.getresponse()
            return response.status, response.headers, response.read()

    def connect(self, *, receive: int | None = None) -> socket.socket:
        client = socket.socket()
        if receive:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        client.settimeout(30)
        client.connect(("127.0.0.1", self.port))
        return client


@contextlib.contextmanager
def production(folder: Path, **environment: str) -> Iterator[Server]:
    """Run the web server with one process and an empty, migrated SQLite database."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    own = {
        "READ_DOT_ENV": "0",
        "SECRET_KEY": KEY,
        "ALLOWED_HOSTS": "localhost",
        "SECURE_SSL_REDIRECT": "0",
        "SECURE_COOKIES": "0",
        "DATABASE_URL": f"sqlite:///{folder}/web.sqlite3",
    }
    variables = {**kept, **own, **environment}
    migrated.copy_sqlite(folder / "web.sqlite3")
    port = free_port()
    command = ["-m", "gunicorn", "--config=python:project.serving.config", f"--bind=127.0.0.1:{port}"]
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=variables, stdout=log, stderr=log
        )
    try:
        server = Server(port, process)
        _wait_for(server, folder / "web.log")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_for(server: Server, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.process.poll() is None:
        with contextlib.suppress(OSError):
            if server.get("/healthz")[0] == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"The web server does not answer:\n{log.read_text()}")


def is_closed(client: socket.socket) -> bool:
    """Returns whether the server has closed the connection. What it sent before is dropped."""
    client.settimeout(0)
    try:
        while client.recv(65536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
