"""The shared request budget with its database row, threads and processes, as in production."""

import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.db import connection, transaction

from integrations.models import RequestBudget
from integrations.thinkific.budget import meter
from integrations.thinkific.budget.decisions import Limits
from integrations.thinkific.budget.priorities import Grant
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.client.errors import BudgetExhausted
from integrations.thinkific.client.rates import Points, RateHeaders

pytestmark = pytest.mark.django_db(transaction=True)

FAST = Limits(requests=40, window=1.5, concurrency=6)


def in_threads(work, count):
    """Run `work(number)` in `count` threads and wait for all of them."""

    def run(number):
        try:
            work(number)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def most_within(moments, window):
    """Returns the most moments in any period of this length. Tests use a bit less than a window, because on a
    busy machine a thread may wait between its grant and the moment that it notes.
    """
    moments = sorted(moments)
    return max(sum(start <= moment < start + window for moment in moments) for start in moments)


def wait_for_grant(slots, *, in_flight=None):
    return slots.budget.wait(lambda: slots.try_acquire(in_flight=in_flight))


def usage_of(budget):
    """Returns the shared document as it is now; past moments are None."""

    def read(state, now):
        return SimpleNamespace(
            used=meter.used(state.requests, now, budget.limits.window),
            points_used=meter.used(state.points, now, budget.limits.points_window),
            blocked_until=state.requests.blocked_until if state.requests.blocked_until > now else None,
            points_blocked_until=state.points.blocked_until if state.points.blocked_until > now else None,
            slots_held=sum(lease.count for lease in state.leases.values()),
            people=[lease for lease in state.leases.values() if lease.for_people],
        )

    return budget.change(read)


def test_threads_with_their_own_budgets_share_one_limit():
    sent: list[float] = []

    def pull(number):
        budget = SharedBudget("acme", FAST)
        with budget.slots(want=2) as slots:
            while len(sent) < 90:
                wait_for_grant(slots, in_flight=0)
                sent.append(time.time())

    in_threads(pull, 3)

    assert most_within(sent, FAST.window * 0.9) <= FAST.requests
    assert sorted(sent)[89] - min(sent) < FAST.window * 3  # 90 of 40 at a time: two windows and a little


PULL = """
import sys, time, django
django.setup()
from integrations.thinkific.budget.request_budget import SharedBudget
from integrations.thinkific.budget import meter
from integrations.thinkific.budget.decisions import Limits
budget = SharedBudget("acme", Limits(requests=40, window=1.5, concurrency=6))
end = time.time() + 4
while time.time() < end:
    with budget.permit(interactive=False):
        print(repr(time.time()), flush=True)
"""


@pytest.mark.slow
def test_processes_share_one_limit_and_a_killed_one_breaks_nothing(process_environment):
    pulls = [
        subprocess.Popen(
            [sys.executable, "-c", PULL], env=process_environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    time.sleep(3)
    pulls[0].kill()
    sent = [float(line) for pull in pulls for line in pull.communicate(timeout=60)[0].split()]

    assert len(sent) >= 80
    assert most_within(sent, FAST.window * 0.9) <= FAST.requests


def test_slots_limit_what_is_under_way_at_once():
    budget = SharedBudget("acme", Limits(requests=1000, window=60, concurrency=3))
    under_way, most = [0], [0]
    lock = threading.Lock()

    def push(number):
        for _ in range(5):
            with budget.permit(interactive=True):
                with lock:
                    under_way[0] += 1
                    most[0] = max(most[0], under_way[0])
                time.sleep(0.01)
                with lock:
                    under_way[0] -= 1

    in_threads(push, 6)

    assert most[0] <= 3
    assert usage_of(budget).slots_held == 0
    assert usage_of(budget).used == 30


def test_threads_of_one_pull_keep_to_its_slots():
    budget = SharedBudget("acme", Limits(requests=1000, window=60, concurrency=10))
    under_way, most = [0], [0]
    lock = threading.Lock()

    with budget.slots(want=2) as slots:

        def fetch(number):
            with slots.permit():
                with lock:
                    under_way[0] += 1
                    most[0] = max(most[0], under_way[0])
                time.sleep(0.02)
                with lock:
                    under_way[0] -= 1

        in_threads(fetch, 6)

    assert most[0] == 2


def test_a_429_reaches_every_process():
    SharedBudget("acme", Limits()).stop_until(datetime.now(UTC) + timedelta(seconds=30))

    other = SharedBudget("acme", Limits(), longest_wait=1)
    with pytest.raises(BudgetExhausted) as refused, other.permit(interactive=True):
        pytest.fail("nobody may send")

    assert 29 < refused.value.after <= 30
    assert usage_of(other).blocked_until is not None
    assert usage_of(SharedBudget("globex", Limits())).blocked_until is None


def test_an_answer_that_tells_nothing_new_writes_nothing(django_assert_num_queries):
    budget = SharedBudget("acme", Limits())
    with budget.slots() as slots:
        wait_for_grant(slots)
        with django_assert_num_queries(0):
            budget.note(RateHeaders(limit=120, remaining=119, reset_at=time.time() + 30))
        budget.note(RateHeaders(limit=120, remaining=60, reset_at=time.time() + 30))

    assert usage_of(budget).used == 60


def test_plenty_is_granted_in_batches_without_a_look_for_each(django_assert_num_queries):
    budget = SharedBudget("acme", Limits(requests=1_000_000, window=60, concurrency=10))
    with budget.slots(want=8) as slots:
        wait_for_grant(slots, in_flight=0)
        with django_assert_num_queries(0):
            for _ in range(49):
                assert isinstance(slots.try_acquire(in_flight=0), Grant)


def test_lost_slots_are_taken_again():
    budget = SharedBudget("acme", Limits())
    with budget.slots(want=4) as slots:
        RequestBudget.objects.update(state={})

        assert isinstance(slots.try_acquire(in_flight=2), Grant)
        assert usage_of(budget).slots_held == 3
    assert usage_of(budget).slots_held == 0


def test_points_are_shared_and_corrected():
    budget = SharedBudget("acme", Limits(points=1000))
    with budget.permit(interactive=False, points=500):
        budget.note_points(Points(cost=22, limit=1000, remaining=978), estimate=500)
    assert usage_of(budget).points_used == 22

    budget.stop_points_until(datetime.now(UTC) + timedelta(seconds=30))
    assert usage_of(budget).points_blocked_until is not None
    assert usage_of(budget).blocked_until is None


def test_a_document_of_another_version_is_no_obstacle():
    RequestBudget.objects.create(site="acme", state={"requests": "?"})

    with SharedBudget("acme", Limits()).permit(interactive=True):
        pass

    assert usage_of(SharedBudget("acme", Limits())).used == 1


def test_a_grant_within_a_transaction_is_refused():
    budget = SharedBudget("acme", Limits())

    with pytest.raises(RuntimeError), transaction.atomic(), budget.permit(interactive=True):
        pytest.fail("a grant that can be rolled back is none")


def test_the_next_slot_that_comes_free_is_for_a_person_who_waits():
    limits = Limits(requests=1000, window=60, concurrency=2)
    budget = SharedBudget("acme", limits)
    served = threading.Event()

    def push(number):
        with SharedBudget("acme", limits).permit(interactive=True):
            served.set()

    with budget.slots() as pull:
        for in_flight in (0, 1):
            assert isinstance(pull.try_acquire(in_flight=in_flight), Grant)
        assert isinstance(pull.try_acquire(in_flight=2), float)
        person = threading.Thread(target=lambda: in_threads(push, 1))
        person.start()
        deadline = time.monotonic() + 20
        while not usage_of(budget).people:
            assert time.monotonic() < deadline
            time.sleep(0.01)

        assert isinstance(pull.try_acquire(in_flight=1), float)  # one of its requests is over
        person.join(20)

        assert served.is_set()
        assert isinstance(pull.try_acquire(in_flight=1), Grant)
