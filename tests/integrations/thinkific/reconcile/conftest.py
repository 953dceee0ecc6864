"""A small site whose two sides agree. Tests then change either side without the dashboard's notice."""

import pytest

from integrations.models import Drift, DriftReport, Kind, SyncRun
from integrations.thinkific.kinds import PULLS
from integrations.thinkific.push import outcomes
from integrations.thinkific.sandbox import Scale, Site
from tests.integrations.thinkific.running import carry, push_all, short_pauses


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    short_pauses(monkeypatch)
    monkeypatch.setattr(outcomes, "FIRST_WAIT", 0.001)


@pytest.fixture
def thinkific_site():
    return Site.generate(
        Scale(users=30, courses=4, builder_courses=1, bundles=1, groups=2, bundle_holders=0.3), seed=1
    )


@pytest.fixture(name="carry")
def _carry(connected, transactional_db):
    """`carry(kind)` carries out a run in this process."""
    return carry


@pytest.fixture
def site(carry, thinkific, refill):
    """The data of Thinkific; all of it is pulled."""
    refill(thinkific.site.origin, lambda: [carry(kind) for kind in PULLS])
    thinkific.reset_stats()
    return thinkific.site


@pytest.fixture
def compare(carry, site):
    """`compare()` reconciles; returns the reports by kind."""

    def work(**how) -> dict[str, DriftReport]:
        run = carry(Kind.RECONCILIATION, **how)
        assert run.status in (SyncRun.Status.SUCCEEDED, SyncRun.Status.PARTIAL), run.errors
        return {report.kind: report for report in run.drift_reports.all()}

    return work


@pytest.fixture
def push():
    return push_all


@pytest.fixture
def writes(thinkific):
    """`writes()` returns the writes that Thinkific got since the last call."""

    def read() -> list[str]:
        found = [f"{entry['method']} {entry['path']}" for entry in thinkific.stats.writes]
        thinkific.reset_stats()
        return [one for one in found if "graphql" not in one]

    return read


def drifts(kind) -> list[tuple[str, str | None, list[tuple[str, str, str]]]]:
    """Returns the rows of the last report of a kind: sort, object, differences."""
    report = DriftReport.objects.filter(kind=kind).order_by("-run").first()
    return [
        (
            row.sort,
            row.object_id or row.thinkific_id,
            [(d["field"], d["ours"], d["theirs"]) for d in row.differences],
        )
        for row in Drift.objects.filter(report=report)
    ]


def numbers(report) -> dict[str, int]:
    names = ("in_step", "waiting", "differs", "only_here", "only_there")
    return {name: getattr(report, name) for name in names if getattr(report, name)}
