"""Health checks: whether each part of the dashboard works (settings.HEALTH_CHECKS names them)."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.cache import cache as kept
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.module_loading import import_string

log = structlog.get_logger(__name__)

# Databases whose migrations are all applied. This stays true while this code runs, and checking is slow: it
# reads every migration file.
_migrated: set[str] = set()


@dataclass(frozen=True)
class Health:
    ok: bool
    detail: str  # for a person: the state, and what helps if something is wrong. Contains no secrets.


def check_all(*, ask: bool = False) -> dict[str, Health]:
    """Run all checks. With `ask`, those about Thinkific send a request to it."""
    return {name: _check(name, import_string(path), ask) for name, path in settings.HEALTH_CHECKS.items()}


def database(*, ask: bool = False) -> Health:
    """Whether the database answers and has all migrations of this code."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        waiting = _unapplied_migrations()
    except Error as error:
        log.warning("The database does not answer: %s", error)
        return Health(False, "The database does not answer. See the log for the error.")
    if waiting:
        return Health(False, f"{waiting} migrations are not applied. Run manage.py migrate.")
    return Health(True, f"{connection.vendor} answers, every migration is applied.")


def cache(*, ask: bool = False) -> Health:
    """Whether the shared cache works. The result is ok in any case, as everything works without it."""
    if not settings.REDIS_URL:
        return Health(True, "There is no shared cache: each process has its own. Set REDIS_URL to share one.")
    mark = secrets.token_hex(8)
    kept.set("health", mark, 60)
    if kept.get("health") == mark:
        return Health(True, "The shared cache answers.")
    return Health(
        True,
        "The shared cache does not work. Some pages are slower; everything else works. See the log for the "
        "error, and check that Redis runs, accepts the password of REDIS_URL and has memory left.",
    )


def _unapplied_migrations() -> int:
    name = str(connection.settings_dict["NAME"])
    if name in _migrated:
        return 0
    executor = MigrationExecutor(connection)
    waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if not waiting:
        _migrated.add(name)
    return waiting


def _check(name: str, check: Callable[..., Health], ask: bool) -> Health:
    try:
        return check(ask=ask)
    except Exception:
        log.exception("The health check %s failed", name)
        return Health(False, "It could not be checked; the log says why.")
