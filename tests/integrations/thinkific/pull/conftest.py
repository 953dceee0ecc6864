"""Runs against the stand-in: `pull("users")` carries one out in this process, as a worker would."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.models import SyncRun
from integrations.thinkific.kinds import PULLS
from integrations.thinkific.sandbox import Scale
from tests.history import watched
from tests.integrations.thinkific.running import carry, short_pauses

# With courses of both builders and people who hold a bundle.
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
    """`pull("users", full=True, **options)` answers the finished run."""
    return carry


@pytest.fixture
def pull_everything(pull):
    """Every kind once, in order; returns the runs by kind."""

    def carry(**how) -> dict[str, SyncRun]:
        return {kind: pull(kind, **how) for kind in PULLS}

    return carry


@pytest.fixture
def site(pull_everything, thinkific, refill):
    """The stand-in's site, pulled once."""
    refill(thinkific.site.origin, pull_everything)
    thinkific.reset_stats()
    return thinkific.site


@pytest.fixture
def asked(connected):
    """`asked()` is how many requests came since the last time, by endpoint (GraphQL: by operation)."""

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
    """The counts of a run that are not zero, requests left out."""
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
# When something was last looked at, which moves although nothing changed.
LOOKED_AT = ("last_synced_at", "content_synced_at")


class Writes(CaptureQueriesContext):
    """The statements that wrote to mirrored tables."""

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
