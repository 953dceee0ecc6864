"""Fixtures for pulls from the stand-in: `pull("users")` carries out a run in this process."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.models import SyncRun
from integrations.thinkific.kinds import PULLS
from integrations.thinkific.sandbox import Scale
from tests.history import watched
from tests.integrations.thinkific.running import carry, short_pauses

# With courses of both course builders and students of bundles.
SIXTY = Scale(users=60, courses=6, builder_courses=2, bundles=1, groups=4, bundle_holders=0.5)


@pytest.fixture(autouse=True)
def _every_write_has_a_history(db):
    with watched() as silent:
        yield
    assert silent == []


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    short_pauses(monkeypatch)


@pytest.fixture
def pull(connected, db):
    """`pull("users", full=True, **options)` returns the finished run."""
    return carry


@pytest.fixture
def pull_everything(pull):
    """Pull every kind once, in order; returns the runs by kind."""

    def carry(**how) -> dict[str, SyncRun]:
        return {kind: pull(kind, **how) for kind in PULLS}

    return carry


@pytest.fixture
def site(pull_everything, thinkific, refill):
    """The data of the stand-in; all of it is pulled."""
    refill(thinkific.site.origin, pull_everything)
    thinkific.reset_stats()
    return thinkific.site


@pytest.fixture
def asked(connected):
    """`asked()` returns the number of requests since the last call, by endpoint (GraphQL: by operation)."""

    def count() -> dict[str, int]:
        stats = connected.stats
        found = {
            name.removeprefix("GET "): n for name, n in stats.by_endpoint.items() if "graphql" not in name
        }
        found |= dict(stats.by_operation)
        connected.reset_stats()
        return found

    return count


def counts(run) -> dict[str, int]:
    """Returns the counts of a run that are not zero, without the requests."""
    names = ("fetched", "created", "updated", "unchanged", "skipped", "removed", "failed")
    return {name: getattr(run, name) for name in names if getattr(run, name)}


def removed(model, **lookup):
    return model.objects.filter(removed_at__isnull=False, **lookup)


MIRRORED = (
    "core_user",
    "core_product",
    "core_bundleitem",
    "core_chapter",
    "core_lesson",
    "core_quiz",
    "core_enrollment",
    "core_thinkificgroup",
    "core_groupmembership",
    "core_membership",
    "core_quizresult",
    "core_certificate",
    "core_outboxentry",
    "core_historical",
)
# Columns with the time of the last sync, which are written although nothing has changed.
LOOKED_AT = ("last_synced_at", "content_synced_at")


class Writes(CaptureQueriesContext):
    """Captures the statements that write to mirrored tables."""

    def __init__(self) -> None:
        super().__init__(connection)

    @property
    def found(self) -> list[str]:
        statements = [q["sql"] for q in self.captured_queries]
        written = [s for s in statements if s.startswith(("INSERT", "UPDATE", "DELETE", "COPY"))]
        return [
            s
            for s in written
            if any(f'"{table}' in s.split("WHERE")[0] for table in MIRRORED)
            and not any(name in s.split("WHERE")[0] for name in LOOKED_AT)
        ]
