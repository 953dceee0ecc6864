"""Tell an unavailable database (locked, full, gone) from a wrong query; set time limits for PostgreSQL."""

from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import Error, InterfaceError, OperationalError

# SQLite's codes for busy, locked, out of memory, read-only, I/O error, full, cannot open, lock protocol.
# The other codes ("no such table") are our own mistakes.
SQLITE_CODES = {5, 6, 7, 8, 10, 13, 14, 15}
# Another transaction crossed this one. PostgreSQL's codes: unique, foreign key, serialization, deadlock.
CROSSED = {"23505", "23503", "40001", "40P01"}
CROSSED_SQLITE = {f"SQLITE_CONSTRAINT_{kind}" for kind in ("UNIQUE", "PRIMARYKEY", "FOREIGNKEY")}
READ_ONLY = "25006"  # PostgreSQL's error code when the server has become a replica
FOLLOWING = (Error, SessionInterrupted, UpdateError)  # errors that Django may raise because of such an error


def set_limits(connection: Any, **_: Any) -> None:
    """Receiver of `connection_created`: set how long a PostgreSQL statement may run."""
    if connection.vendor == "postgresql" and settings.DATABASE_LIMITS:
        with connection.cursor() as cursor:
            cursor.execute(
                "; ".join(f"SET {name} = {int(ms)}" for name, ms in settings.DATABASE_LIMITS.items())
            )


def is_unavailable(error: BaseException | None) -> bool:
    """Whether the database is unavailable, and the query is not at fault. Also looks at the errors that this
    one was raised from."""
    seen: set[int] = set()
    while isinstance(error, FOLLOWING) and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, Error) and _is_at_fault(error):
            return True
        error = error.__cause__ if isinstance(error.__cause__, FOLLOWING) else error.__context__
    return False


def is_crossed(error: BaseException) -> bool:
    """Whether another transaction crossed this one: carrying it out again helps, as its checks then find what
    the other one wrote."""
    cause = error.__cause__
    return isinstance(error, Error) and (
        getattr(cause, "sqlstate", "") in CROSSED or getattr(cause, "sqlite_errorname", "") in CROSSED_SQLITE
    )


def _is_at_fault(error: Error) -> bool:
    cause = error.__cause__
    if (code := getattr(cause, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in SQLITE_CODES  # the higher bits are SQLite's extended code
    return isinstance(error, OperationalError | InterfaceError) or getattr(cause, "sqlstate", "") == READ_ONLY
