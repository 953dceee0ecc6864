"""The migrated database, created once and copied by every test process.

The migrations take about eight seconds of processor time, and each of the four processes of each suite would
run them. The database is kept with the test results. Its name changes with the migrations and the packages.
With `--create-db` the process runs the migrations itself.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "test-results"
PREFIX = "b2b_dashboard_migrated_"  # of databases on a PostgreSQL server


def sqlite_file() -> Path:
    """Returns a migrated SQLite file, to be copied."""
    file = KEPT / f"migrated-{_version()}.sqlite3"
    with _one_at_a_time():
        if not file.exists():
            for old in KEPT.glob("migrated-*.sqlite3*"):
                old.unlink()
            part = file.with_suffix(".part.sqlite3")
            _migrate(f"sqlite:///{part}")
            part.rename(file)
    return file


def copy_sqlite(to: Path) -> None:
    remove_sqlite(to)
    shutil.copyfile(sqlite_file(), to)


def remove_sqlite(file: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)


def postgresql_template(database: dict[str, Any]) -> str:
    """Returns the name of a migrated database of this server, for `CREATE DATABASE … TEMPLATE`.

    `database` is an entry of Django's DATABASES; its user must be allowed to create databases.
    """
    name, part = f"{PREFIX}{_version()}", f"{PREFIX}part"
    server = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/".format(**database)
    with _one_at_a_time(), psycopg.connect(f"{server}{database['NAME']}", autocommit=True) as connection:
        ours = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        found = {row[0] for row in connection.execute(ours, [PREFIX])}
        if name not in found:
            for old in found:
                connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(old)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(part)))
            _migrate(f"{server}{part}")
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(sql.Identifier(part), sql.Identifier(name)))
    return name


def _version() -> str:
    """Returns a digest of the pinned packages, the migrations and the modules that migrations read."""
    files = [ROOT / "requirements.txt", ROOT / "core/permissions/codes.py", ROOT / "core/folding.py"]
    files += [ROOT / "core/services/seats/triggers.py"]  # installed after the migrations
    files += sorted(ROOT.glob("*/migrations/*.py"))
    return sha256(b"".join(file.name.encode() + file.read_bytes() for file in files)).hexdigest()[:16]


def _migrate(url: str) -> None:
    environment = {**os.environ, "READ_DOT_ENV": "0", "DEBUG": "1", "DATABASE_URL": url}
    environment["DJANGO_SETTINGS_MODULE"] = "project.settings"
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"], cwd=ROOT, env=environment, check=True
    )


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one process at a time run the block; the others wait."""
    KEPT.mkdir(exist_ok=True)
    with (KEPT / "migrated.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
