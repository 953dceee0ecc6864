"""Temporary databases and processes for measurements."""

import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from integrations.thinkific.sandbox import SpawnedSandbox

ROOT = Path(__file__).parent.parent
SECRET_KEY = secrets.token_urlsafe(64)


@dataclass
class Place:
    """SQLite files in a folder, or databases on a PostgreSQL server; `fresh` creates a new one."""

    name: str  # "SQLite" or "PostgreSQL"
    folder: Path
    server: str = ""
    _made: int = field(default=0)

    @property
    def is_postgresql(self) -> bool:
        return bool(self.server)

    def fresh(self) -> str:
        """Returns the address of a new database with the dashboard's tables and no rows."""
        if not self._made:
            self._made = 1
            manage(self._address("empty"), "migrate", "-v0", create=self._create)
        self._made += 1
        name = f"run{self._made}"
        if self.is_postgresql:
            self._admin(f'CREATE DATABASE "bench_{name}" TEMPLATE bench_empty')
        else:
            shutil.copy(self.folder / "empty.sqlite3", self.folder / f"{name}.sqlite3")
        return self._address(name)

    def bare(self) -> str:
        """Returns the address of a database without tables, for programs that create their own."""
        self._made += 1
        self._create(f"run{self._made}")
        return self._address(f"run{self._made}")

    def drop(self, address: str) -> None:
        """Delete a database, to free space on the disk."""
        if self.is_postgresql:
            self._admin(f'DROP DATABASE IF EXISTS "{address.rpartition("/")[2]}" WITH (FORCE)')
        else:
            for path in self.folder.glob(f"{Path(address).name}*"):
                path.unlink()

    def vacuum(self, address: str) -> None:
        """Do what autovacuum would do some time after a large load, so that its moment does not matter."""
        if self.is_postgresql:
            with psycopg.connect(address, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")

    def drop_all(self) -> None:
        if self.is_postgresql:
            for name in ("empty", *(f"run{number}" for number in range(2, self._made + 1))):
                self._admin(f'DROP DATABASE IF EXISTS "bench_{name}" WITH (FORCE)')

    def _create(self, name: str) -> None:
        if self.is_postgresql:
            self._admin(f'DROP DATABASE IF EXISTS "bench_{name}" WITH (FORCE)')
            self._admin(f'CREATE DATABASE "bench_{name}"')

    def _address(self, name: str) -> str:
        if self.is_postgresql:
            return f"{self.server.rpartition('/')[0]}/bench_{name}"
        return f"sqlite:///{self.folder / name}.sqlite3"

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(statement)


def environment(database: str, sandbox: SpawnedSandbox | None = None, **more: object) -> dict[str, str]:
    """Returns the environment of a process: production settings, the database, the stand-in as Thinkific."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("THINKIFIC_")}
    kept.pop("REDIS_URL", None)
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # modules are compiled only once, as in production
    values: dict[str, object] = {
        "READ_DOT_ENV": "0",
        "DEBUG": "0",
        "SECRET_KEY": SECRET_KEY,
        "ALLOWED_HOSTS": "testserver",
        "SECURE_SSL_REDIRECT": "0",
        "SECURE_COOKIES": "0",
        "LOG_LEVEL": "WARNING",
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "project.settings",
    }
    if sandbox is not None:
        values |= {
            "THINKIFIC_API_URL": sandbox.url,
            "THINKIFIC_SUBDOMAIN": sandbox.options.subdomain,
            "THINKIFIC_API_KEY": sandbox.options.api_key,
            "THINKIFIC_ACCESS_TOKEN": sandbox.options.access_token,
            "THINKIFIC_RATE_LIMIT": 1_000_000,
            "THINKIFIC_GRAPHQL_POINTS": 100_000_000,
        }
    values |= more
    return kept | {name: str(value) for name, value in values.items()}


def manage(database: str, *arguments: str, create: Any = None, sandbox: SpawnedSandbox | None = None) -> Any:
    """Run manage.py to its end. With `--json` in the arguments, returns what it printed."""
    if create is not None:
        create("empty")
    return child(["manage.py", *arguments], environment(database, sandbox))


def child(arguments: list[str], variables: dict[str, str]) -> Any:
    """Run Python with these arguments. Returns the JSON object that it prints, or None."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=variables, text=True, capture_output=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    said = done.stdout.strip().splitlines()
    return json.loads(said[-1]) if said and said[-1].startswith("{") else None


@dataclass
class Pulled:
    """The report of `manage.py sync`, the seconds of the whole process, and its largest memory."""

    runs: dict[str, dict[str, Any]]  # by kind
    seconds: float
    peak_mib: float

    @property
    def requests(self) -> int:
        return sum(run["requests"] for run in self.runs.values())

    @property
    def busy_seconds(self) -> float:
        """The seconds that the pulls took, without the start of the process."""
        return sum(run["seconds"] for run in self.runs.values())


def sync(database: str, sandbox: SpawnedSandbox, *arguments: str) -> Pulled:
    """Pull in a process of its own, by `manage.py sync KIND… --json`."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "sync", *arguments, "--json"],
        cwd=ROOT,
        env=environment(database, sandbox),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    watch = Watch(process.pid)
    out, errors = process.communicate()
    seconds, peak = time.monotonic() - started, watch.stop()
    if not out.strip():
        raise RuntimeError(f"sync ended with {process.returncode}:\n{errors[-3000:]}")
    runs = {run["kind"]: run for run in json.loads(out.strip().splitlines()[-1])["runs"]}
    for kind, run in runs.items():
        if run["status"] != "succeeded":
            raise RuntimeError(f"sync {kind} ended {run['status']}: {run['errors'][:3]}")
    return Pulled(runs, seconds, peak)


class Watch:
    """Records the largest resident memory of a process, without mapped database files."""

    def __init__(self, pid: int) -> None:
        self.status = Path(f"/proc/{pid}/status")
        self.peak = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        self._over.set()
        self._thread.join()
        return self.peak

    def _run(self) -> None:
        while not self._over.wait(0.02):
            try:
                lines = self.status.read_text().splitlines()
            except OSError:
                return
            # RssFile has pages of the database that SQLite maps and that the kernel may free at any time.
            kib = sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
            self.peak = max(self.peak, kib / 1024)


@contextmanager
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="b2b-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
