"""Temporary services for a test run: a PostgreSQL and a Redis of its own, and Debian's Chromium.

Each server is started on a free port of the loopback interface, and stopped and deleted at the end. Servers
that already run are not used.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Missing(Exception):
    """The service is not installed; the message says how to install it."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def find_chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise Missing("Chromium is not installed (Debian: apt-get install chromium)")


def find_nginx() -> str:
    # Debian installs it in a folder that is only in the PATH of root.
    if found := shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin"):
        return found
    raise Missing("nginx is not installed (Debian: apt-get install nginx-light)")


def postgresql_programs() -> Path:
    """Returns the folder of initdb and pg_ctl. Debian has one for each version, outside of the PATH."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
    found = versions[-1] if versions else shutil.which("initdb")
    if not found:
        raise Missing("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    return Path(found).parent


def has_postgresql() -> bool:
    """Whether `postgresql` can start one, or another one is given."""
    try:
        return bool(os.environ.get("TEST_DATABASE_URL") or postgresql_programs())
    except Missing:
        return False


class Cluster:
    """A PostgreSQL server of its own, which can be killed and started again."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        programs = postgresql_programs()
        # PostgreSQL refuses to run as root, so for root it runs as the account of Debian's package.
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self.data, self.log, port = folder / "data", folder / "log", free_port()
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"
        _run(
            [
                *user,
                f"{programs}/initdb",
                "-D",
                self.data,
                "-A",
                "trust",
                "-U",
                "postgres",
                "-N",
                "-E",
                "UTF8",
            ]
        )
        self.options = (
            f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} "
            # The data need not survive a power failure.
            "-c fsync=off -c full_page_writes=off"
        )
        if not durable:
            self.options += " -c synchronous_commit=off"
        self.control = [*user, f"{programs}/pg_ctl", "-D", self.data, "-w"]

    def start(self) -> None:
        _run([*self.control, "-l", self.log, "-o", self.options, "start"])

    def stop(self) -> None:
        _run([*self.control, "-m", "immediate", "stop"])

    def kill(self) -> None:
        """Kill the main process as a crash would. The processes of connections then end by themselves."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)

    def start_again(self) -> None:
        """Start the server after a kill, when all processes of the old one have ended."""
        deadline = time.monotonic() + 20
        while True:
            try:
                return self.start()
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Run a temporary PostgreSQL server. With `durable`, committed data survives a kill."""
    folder = Path(tempfile.mkdtemp(prefix="b2b-postgresql-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        server = Cluster(folder, durable=durable)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a temporary PostgreSQL server; yields its address for DATABASE_URL."""
    with cluster() as server:
        yield server.url


@contextmanager
def redis() -> Iterator[str]:
    """Run a temporary Redis server; yields its address, without a database number."""
    program = shutil.which("redis-server")
    if not program:
        raise Missing("Redis is not installed (Debian: apt-get install redis-server)")
    port = free_port()
    server = subprocess.Popen(
        [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
        cwd=tempfile.gettempdir(),
    )
    try:
        _wait_until_listening(port, server)
        yield f"redis://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def _run(command: list[str | Path]) -> None:
    # A file, not a pipe: the server inherits it, and reading a pipe would wait until the server ends.
    with tempfile.TemporaryFile() as output:
        # In a folder that every account may enter; the current one may be readable by root only.
        done = subprocess.run(
            [str(part) for part in command], stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd="/"
        )
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{command} failed:\n{output.read().decode(errors='replace')}")


def _wait_until_listening(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{server.args} does not listen on port {port}")
