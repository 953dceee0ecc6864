"""Fixtures for pushes to the stand-in: `push()` drains the outbox, `pull(kind)` carries out a run."""

import pytest

from core.models import OutboxEntry, Product
from core.services import people
from integrations.models import PULLED, InboundEvent, SyncRun
from integrations.thinkific.push import outcomes, prerequisites
from integrations.thinkific.webhooks import process
from tests.history import watched
from tests.integrations.thinkific.running import carry, push_all, short_pauses


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    short_pauses(monkeypatch)
    monkeypatch.setattr(outcomes, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(outcomes, "LONGEST_WAIT", 0.01)
    monkeypatch.setattr("integrations.thinkific.push.bundles.LATER", 0.05)
    monkeypatch.setattr("integrations.thinkific.push.groups.LATER", 0.001)
    assert prerequisites.MEANWHILE


@pytest.fixture(autouse=True)
def _connected(connected, transactional_db):
    """Pushes run in threads, so the rows of the tests must be committed."""


@pytest.fixture(autouse=True)
def _every_write_has_a_history(_connected):
    with watched() as silent:
        yield
    assert silent == []


@pytest.fixture
def site(thinkific):
    """The data of Thinkific."""
    return thinkific.site


@pytest.fixture
def pull(_connected):
    return carry


@pytest.fixture
def everything(pull, thinkific, refill):
    """Pull every kind. Returns the data of Thinkific."""

    def pull_all() -> None:
        for kind in PULLED:
            assert pull(kind).status == SyncRun.Status.SUCCEEDED

    refill(thinkific.site.origin, pull_all)
    thinkific.reset_stats()
    return thinkific.site


@pytest.fixture
def bring(request, pull, thinkific, way):
    """`bring(kind)` brings the new changes here in this `way`: by a full pull, by a pull of changes, or by
    the webhooks that the stand-in has sent since."""
    if way == "webhook":
        server = request.getfixturevalue("live_server")
        thinkific.webhooks.subscribe_all(f"{server.url}/webhooks/thinkific/")

    def carry(kind) -> None:
        if way != "webhook":
            run = pull(kind, full=way == "full")
            assert run.status == SyncRun.Status.SUCCEEDED, run.errors
            return
        assert thinkific.webhooks.wait_idle()
        assert InboundEvent.objects.filter(status="received").exists()
        process.process(seconds=30, gather=0)
        assert not InboundEvent.objects.filter(status__in=["received", "failed"]).exists()

    return carry


@pytest.fixture
def catalog(pull):
    """Pull courses and bundles. Returns the courses by course id."""
    pull("products")
    return {p.productable_id: p for p in Product.objects.filter(productable_type="Course")}


@pytest.fixture
def push(_connected):
    """`push()` sends everything that waits."""
    return push_all


@pytest.fixture
def ada(push):
    """A new person with an account in Thinkific."""
    user = people.create_user(email="ada@new.example", first_name="Ada", last_name="Roe")
    push()
    user.refresh_from_db()
    return user


@pytest.fixture
def bundle(catalog):
    return Product.objects.bundles().order_by("pk").first()


@pytest.fixture
def writes(thinkific):
    """`writes()` returns the writes that Thinkific got since the last call, as `POST /users`."""

    def read() -> list[str]:
        found = [
            f"{entry['method']} {entry['path'].removeprefix('/api/public/v1')}"
            for entry in thinkific.stats.writes
            if "graphql" not in entry["path"]
        ]
        thinkific.reset_stats()
        return found

    return read


def asked_to_write(thinkific) -> list[str]:
    """Returns the requests that change something in Thinkific, including mutations."""
    return [
        f"{entry['method']} {entry['path']}"
        for entry in thinkific.stats.writes
        if "graphql" not in entry["path"] or "mutation" in entry["body"]
    ]


def states() -> list[tuple[str, str]]:
    return list(OutboxEntry.objects.order_by("id").values_list("entity", "status"))


def counts(run) -> dict[str, int]:
    """Returns the counts of a run that are not zero, without fetched rows and requests."""
    names = ("created", "updated", "skipped", "removed", "failed")
    return {name: getattr(run, name) for name in names if getattr(run, name)}
