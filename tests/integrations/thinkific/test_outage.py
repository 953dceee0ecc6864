"""The database goes away during work and is back a moment later. Nothing waits for a lease to end.

The connection is really closed while a thread uses it; tests/project/test_postgresql_gone.py kills a whole
PostgreSQL.
"""

import re
import threading
import time

import pytest
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from core import database_outage
from core.models import OutboxEntry, User
from core.processes import this_process
from core.services import people
from core.services.outbox import claims
from integrations.models import InboundEvent, SyncRun
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.push.drain import drain
from integrations.thinkific.runs import context, lifecycle
from integrations.thinkific.webhooks import process
from tests.factories import EnrollmentFactory, InboundEventFactory

GONE = OperationalError("server closed the connection unexpectedly")
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(database_outage, "FIRST_PAUSE", 0.01)


@pytest.fixture
def breaks(monkeypatch):
    """`breaks(pattern, times)` closes the connection at the next `times` matching statements, in any thread.
    With `answer_lost` they are carried out, and only the answer to their COMMIT is lost."""
    armed: list[list] = []
    execute, commit = CursorWrapper.execute, BaseDatabaseWrapper._commit
    lost: set[int] = set()

    def breaking_execute(self, sql, params=None):
        for one in armed:
            pattern, times, answer_lost = one
            if times and re.search(pattern, str(sql), re.DOTALL):
                one[1] -= 1
                if not answer_lost:
                    raise GONE
                lost.add(id(self.db))
        return execute(self, sql, params)

    def breaking_commit(self):
        commit(self)
        if id(self) in lost:
            lost.discard(id(self))
            raise GONE

    monkeypatch.setattr(CursorWrapper, "execute", breaking_execute)
    monkeypatch.setattr(BaseDatabaseWrapper, "_commit", breaking_commit)

    def arm(pattern: str, times: int = 1, *, answer_lost: bool = False) -> list:
        armed.append([pattern, times, answer_lost])
        return armed[-1]

    return arm


def somebody(name: str) -> User:
    return people.create_user(email=f"{name}@new.example", first_name=name, in_thinkific=True)


def posts(thinkific) -> int:
    return len([write for write in thinkific.stats.writes if write["method"] == "POST"])


OUTCOME = r'UPDATE "core_outboxentry" SET "status" = %s, "finished_at"'
CLAIM = r'UPDATE "core_outboxentry" SET "status" = %s, "attempts"'


@pytest.mark.parametrize("answer_lost", [False, True])
def test_what_thinkific_has_taken_is_written_down_when_the_database_is_back(
    connected, breaks, thinkific, answer_lost
):
    somebody("ana")
    thinkific.reset_stats()
    broken = breaks(OUTCOME, 3, answer_lost=answer_lost)

    outcome = drain(seconds=20)

    assert outcome == {"done": 1}
    assert broken[1] < 3
    assert OutboxEntry.objects.get().status == "done"
    assert posts(thinkific) == 1


def test_a_push_that_was_interrupted_looks_first_and_makes_nobody_twice(connected, breaks, thinkific):
    user = somebody("ana")
    thinkific.reset_stats()
    broken = breaks(r'UPDATE "core_user"')  # the answer to the POST cannot be stored

    first = drain(seconds=20)

    assert broken[1] == 0
    assert first == {"retried": 1, "done": 1}
    assert OutboxEntry.objects.get().status == "done"
    assert posts(thinkific) == 1
    user.refresh_from_db()
    assert user.thinkific_id


def test_a_claim_whose_answer_was_lost_is_given_back(connected, breaks):
    somebody("ana")
    broken = breaks(CLAIM, answer_lost=True)

    with pytest.raises(OperationalError):
        claims.claim(1)

    assert broken[1] == 0
    entry = OutboxEntry.objects.get()
    assert (entry.status, entry.attempts, entry.uncertain) == ("pending", 0, False)
    assert OutboxEntry.objects.due().exists()


def test_a_drain_whose_claim_was_lost_sends_what_it_was_about(connected, breaks, thinkific):
    somebody("ana")
    thinkific.reset_stats()
    breaks(CLAIM, 2, answer_lost=True)

    assert drain(seconds=20) == {"done": 1}
    assert posts(thinkific) == 1


def test_what_another_process_has_taken_over_is_not_sent(connected, thinkific, monkeypatch, accounting):
    """The database was away for so long that the claims have ended and another process has them."""
    monkeypatch.setattr("integrations.thinkific.push.drain.SURE_FOR", -1.0)
    ana = somebody("ana")
    EnrollmentFactory(user=ana, product=accounting)
    OutboxEntry.objects.create(
        entity="enrollment", object_id=ana.enrollments.get().pk, person=ana, reason="x"
    )
    thinkific.faults.add("stall", path="/users", seconds=1.0)

    def take_over() -> None:
        deadline = time.monotonic() + 10
        while not OutboxEntry.objects.filter(entity="enrollment", status="in_flight").update(
            claimed_by="other:1#x"
        ):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        connections.close_all()

    other = threading.Thread(target=take_over)
    other.start()
    assert drain(seconds=5) == {"done": 1}
    other.join()

    assert OutboxEntry.objects.get(entity="enrollment").claimed_by == "other:1#x"
    assert not [write for write in thinkific.stats.writes if "enrollments" in write["path"]]


def test_events_are_worked_on_again_at_once(breaks):
    InboundEventFactory(topic="no.such.topic")
    settling = (
        r'SELECT "integrations_inboundevent"."id"[^,]*, "integrations_inboundevent"."attempts"[^,]* FROM'
    )
    broken = breaks(settling)

    assert process.process(seconds=5, gather=0) == {"ignored": 1}

    event = InboundEvent.objects.get()
    assert broken[1] == 0
    assert (event.status, event.claimed_by, event.attempts) == ("ignored", "", 2)


def test_a_claim_of_events_whose_answer_was_lost_is_given_back(breaks):
    InboundEventFactory(topic="no.such.topic")
    breaks(r'SELECT .*"integrations_inboundevent"."claimed_by" = %s')  # after the update was committed

    with pytest.raises(OperationalError):
        process.process(seconds=5, gather=0)

    assert process.process(seconds=5, gather=0) == {"ignored": 1}


def test_a_run_goes_on_from_its_page(connected, breaks):
    run, _ = lifecycle.open_run("users")
    claimed = lifecycle.claim(run.pk, worker=this_process())
    breaks(r'UPDATE "integrations_syncrun" SET .*"cursor"', context.TRIES)

    assert carry_out(claimed) == SyncRun.Status.RUNNING

    again = lifecycle.claim(run.pk, worker=this_process())  # without waiting for our silence
    assert again is not None
    assert carry_out(again) == SyncRun.Status.SUCCEEDED
