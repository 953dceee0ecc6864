"""The migrated database, created once and copied by every test process.

The migrations take about twenty seconds of processor time, and each of the four processes of each suite
would run them. The database is kept with the test results: SQLite's file, and the SQL that makes that of
PostgreSQL. Their names change with the migrations and the packages. With `--create-db` the process runs the
migrations itself.
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

from tests.services import postgresql, postgresql_programs

ROOT = Path(__file__).parent.parent
KEPT = ROOT / "test-results"
PREFIX = "b2b_dashboard_migrated_"  # of databases on a PostgreSQL server


def sqlite_file() -> Path:
    """Returns a migrated SQLite file, to be copied."""
    file = KEPT / f"migrated-{_version()}.sqlite3"
    with _one_at_a_time("sqlite"):
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


def postgresql_dump() -> Path:
    """Returns the SQL that makes a migrated database, to be loaded. Starts a PostgreSQL for it, and raises
    Missing if there is none."""
    file = KEPT / f"migrated-{_version()}.sql"
    with _one_at_a_time("postgresql"):
        if not file.exists():
            with postgresql() as url:
                for old in KEPT.glob("migrated-*.sql"):
                    old.unlink()
                part = file.with_suffix(".part.sql")
                _migrate(url)
                dump = [postgresql_programs() / "pg_dump", "--no-owner", f"--file={part}", _address(url)]
                subprocess.run(dump, check=True)
                part.rename(file)
    return file


def postgresql_template(database: dict[str, Any]) -> str:
    """Returns the name of a migrated database of this server, for `CREATE DATABASE … TEMPLATE`.

    `database` is an entry of Django's DATABASES; its user must be allowed to create databases.
    """
    name, part = f"{PREFIX}{_version()}", f"{PREFIX}part"
    server = "postgres://{USER}:{PASSWORD}@{HOST}:{PORT}/".format(**database)
    with (
        _one_at_a_time("postgresql"),
        psycopg.connect(f"{server}{database['NAME']}", autocommit=True) as connection,
    ):
        ours = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        found = {row[0] for row in connection.execute(ours, [PREFIX])}
        if name not in found:
            for old in found:
                connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(old)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(part)))
            fill_postgresql(f"{server}{part}")
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            connection.execute(rename.format(sql.Identifier(part), sql.Identifier(name)))
    return name


def fill_postgresql(url: str) -> None:
    """Migrate an empty database of PostgreSQL, by the kept SQL if there is one."""
    file = KEPT / f"migrated-{_version()}.sql"
    if file.exists():
        psql = [postgresql_programs() / "psql", "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1"]
        loaded = [*psql, f"--file={file}", _address(url)]
        subprocess.run(loaded, check=True, stdout=subprocess.DEVNULL)
    else:
        _migrate(url)


def _address(url: str) -> str:
    """Returns the address as PostgreSQL's programs read it."""
    return f"postgresql://{url.partition('://')[2]}"


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
def _one_at_a_time(database: str) -> Iterator[None]:
    """Let one process at a time run the block for this kind of database; the others wait."""
    KEPT.mkdir(exist_ok=True)
    with (KEPT / f"migrated-{database}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
