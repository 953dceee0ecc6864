"""Runs against the stand-in: `pull("users")` carries one out in this process, as a worker would."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from integrations.models import SyncRun
from integrations.processes import this_process
from integrations.thinkific.kinds import PULLS, carry_out
from integrations.thinkific.runs import fetch, lifecycle
from integrations.thinkific.sandbox import Scale
from tests.history import watched

# With courses of both builders and people who hold a bundle.
SIXTY = Scale(users=60, courses=6, builder_courses=2, bundles=1, groups=4, bundle_holders=0.5)


@pytest.fixture(autouse=True)
def _every_write_has_a_history(db):
    with watched() as silent:
        yield
    assert silent == []


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    """Trouble costs hundredths of seconds here, not half a minute."""
    monkeypatch.setattr(fetch, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(fetch, "LONGEST_PAUSE", 0.02)
    monkeypatch.setattr("integrations.thinkific.client.transport.BACKOFF", 0.001)


@pytest.fixture
def pull(connected, db):
    """`pull("users", full=True, **options)` answers the finished run."""

    def carry(kind, *, full=True, seconds=None, on_progress=None, started_by=None, **options) -> SyncRun:
        run, _ = lifecycle.open_run(kind, full=full, started_by=started_by, options=options)
        return go_on(run, seconds=seconds, on_progress=on_progress)

    return carry


def go_on(run, **how) -> SyncRun:
    """Claim a waiting run and carry it out."""
    claimed = lifecycle.claim(run.pk, worker=this_process())
    assert claimed is not None
    carry_out(claimed, **how)
    return SyncRun.objects.get(pk=run.pk)


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
