"""Databases and processes that a measurement works with: all thrown away at its end."""

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
    """SQLite files in a folder, or databases on a PostgreSQL server: `fresh` gives a migrated, empty one."""

    name: str  # "SQLite" or "PostgreSQL"
    folder: Path
    server: str = ""
    _made: int = field(default=0)

    @property
    def is_postgresql(self) -> bool:
        return bool(self.server)

    def fresh(self) -> str:
        """The address of a new database with the product's tables and no rows."""
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
        """The address of a database with nothing in it, for programs that make their own tables."""
        self._made += 1
        self._create(f"run{self._made}")
        return self._address(f"run{self._made}")

    def drop(self, address: str) -> None:
        """Delete a database: full ones would fill the disk."""
        if self.is_postgresql:
            self._admin(f'DROP DATABASE IF EXISTS "{address.rpartition("/")[2]}" WITH (FORCE)')
        else:
            for path in self.folder.glob(f"{Path(address).name}*"):
                path.unlink()

    def settle(self, address: str) -> None:
        """What autovacuum would do within a minute of a large load, so that figures do not depend on when."""
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
    """What a process of the product gets: production settings, the database, the stand-in as Thinkific."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("THINKIFIC_")}
    kept.pop("REDIS_URL", None)
    kept.pop("PYTHONDONTWRITEBYTECODE", None)  # as an installed product: it is compiled once
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
    """Run manage.py to its end; with `--json` among the arguments, answers what it printed."""
    if create is not None:
        create("empty")
    return child(["manage.py", *arguments], environment(database, sandbox))


def child(arguments: list[str], variables: dict[str, str]) -> Any:
    """Run Python with these arguments; returns the JSON object it prints, if it prints one."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=variables, text=True, capture_output=True
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    said = done.stdout.strip().splitlines()
    return json.loads(said[-1]) if said and said[-1].startswith("{") else None


@dataclass
class Pulled:
    """What `manage.py sync` reported, how long the whole process took, and its largest size."""

    runs: dict[str, dict[str, Any]]  # by kind
    seconds: float
    peak_mib: float

    @property
    def requests(self) -> int:
        return sum(run["requests"] for run in self.runs.values())

    @property
    def busy_seconds(self) -> float:
        """What the pulls took, the start of the process left out."""
        return sum(run["seconds"] for run in self.runs.values())


def sync(database: str, sandbox: SpawnedSandbox, *arguments: str) -> Pulled:
    """Pulls in a process of their own, as `manage.py sync KIND… --json`."""
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
    """Remembers the largest resident size of a process while it runs, mapped database files left out."""

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
            # RssFile would count pages of the database that SQLite maps and the kernel may drop at any time.
            kib = sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
            self.peak = max(self.peak, kib / 1024)


@contextmanager
def scratch() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="b2b-bench-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
