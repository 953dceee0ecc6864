import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
import requests
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from core.models import Enrollment, User
from integrations.models import ConnectionState, InboundEvent
from integrations.thinkific.sandbox.web.faults import Fault
from integrations.thinkific.sandbox.writes import people
from integrations.thinkific.webhooks import inbox, retries
from tests.integrations.thinkific.webhooks.conftest import ADDRESS, envelope

Status = InboundEvent.Status


def signin(number, event_id=None):
    return envelope("user.signin", {"id": number}, event_id=event_id or f"signin-{number}")


def again():
    """Make all waiting events due."""
    InboundEvent.objects.filter(status=Status.RECEIVED).update(not_before=timezone.now())


@pytest.mark.parametrize(
    ("topic", "outcome"),
    [
        ("order.created", "the dashboard keeps no orders"),
        ("subscription.canceled", "the dashboard keeps no orders"),
        ("lead.created", "leads are no users yet"),
        ("group.created", "does not know the topic"),
        ("user.", "does not know the topic"),
        (".", "does not know the topic"),
    ],
)
def test_topics_that_change_nothing_are_ignored_and_say_why(deliver, work, topic, outcome):
    (event,) = deliver([envelope(topic, {"id": 1})])

    assert work() == {"ignored": 1}

    event.refresh_from_db()
    assert outcome in event.outcome


def test_without_an_answer_it_is_tried_again_later_and_later(connected, in_step, deliver, work):
    connected.faults.install(Fault(kind="500", path="/users/"))
    (event,) = deliver([envelope("user.updated", {"id": 1})])
    waits = []

    for _ in range(3):
        again()
        assert work() == {"received": 1}
        event.refresh_from_db()
        waits.append(round((event.not_before - timezone.now()).total_seconds(), -1))

    assert "Waits for Thinkific" in event.outcome
    assert event.attempts == 3
    assert waits == sorted(waits) and waits[0] < waits[2]


def test_after_many_tries_it_is_given_up_and_says_so(connected, in_step, deliver, work):
    connected.faults.install(Fault(kind="500", path="/users/"))
    (event,) = deliver([envelope("user.updated", {"id": 1})])
    InboundEvent.objects.update(attempts=retries.TRIES - 1)

    assert work() == {"failed": 1}

    event.refresh_from_db()
    assert event.outcome.startswith(f"Given up after {retries.TRIES} tries")


def test_one_failure_to_answer_is_enough_for_a_batch(connected, in_step, deliver, work, asked):
    connected.faults.install(Fault(kind="500", path="/users/"))
    deliver([envelope("user.updated", {"id": n}, event_id=str(n)) for n in (1, 2, 3)])

    assert work() == {"received": 3}

    assert asked() == 1


def test_what_a_batch_asks_is_asked_side_by_side(connected, in_step, deliver, work, settings):
    settings.THINKIFIC_CONCURRENCY = 10
    numbers = [user.id for user in connected.site.users][:25]
    for number in numbers:
        people.update_user(connected.site, user_id=number, fields={"last_name": "Renamed"})
    deliver([envelope("user.updated", {"id": n}, event_id=str(n)) for n in numbers])
    connected.set_options(latency=0.3, concurrency=10)
    connected.reset_stats()

    assert work() == {"processed": 25}

    assert 7 <= connected.stats.max_concurrent <= 10
    assert User.objects.filter(thinkific_id__in=numbers, last_name="Renamed").count() == 25


def test_with_a_revoked_key_everything_waits_and_goes_on_after_it(
    connected, in_step, deliver, work, settings
):
    someone = connected.site.users.listing[0]
    connected.set_options(api_key="")
    connected.site.write("update_user", user_id=someone.id, fields={"first_name": "Later"})
    deliver([envelope("user.updated", {"id": someone.id})])
    for _ in range(retries.TRIES + 1):
        again()
        assert work() == {"received": 1}
    assert not ConnectionState.objects.get(surface="REST").ok

    connected.set_options(api_key=settings.THINKIFIC_API_KEY)
    again()

    assert work() == {"processed": 1}
    assert User.objects.get(thinkific_id=someone.id).first_name == "Later"


def test_what_needs_no_request_goes_on_without_credentials(in_step, connected, deliver, work, settings):
    someone = connected.site.users.listing[0]
    settings.THINKIFIC_API_KEY = settings.THINKIFIC_ACCESS_TOKEN = ""

    deliver([signin(someone.id)])

    assert work() == {"processed": 1}


def test_a_claimed_event_is_handed_to_nobody_else(deliver, connected):
    deliver([signin(1)])

    assert inbox.claim() is not None
    assert inbox.claim() is None


def test_attempts_are_counted_before_the_work(deliver, connected):
    (event,) = deliver([signin(1)])

    inbox.claim()

    event.refresh_from_db()
    assert event.attempts == 1


def test_when_the_lease_is_over_the_event_is_handed_out_again_alone(deliver, connected, work, in_step):
    deliver([signin(n) for n in (1, 2, 3)])
    lost = inbox.claim()
    InboundEvent.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    deliver([signin(4)])

    assert [e.event_id for e in inbox.claim().events] == ["signin-4"]
    second = inbox.claim()

    assert [e.event_id for e in second.events] == ["signin-1"]
    lost.settle({second.events[0].pk: inbox.processed("by the one that was silent")})
    assert InboundEvent.objects.get(event_id="signin-1").status == Status.RECEIVED


def test_an_event_that_keeps_killing_workers_is_given_up(deliver, connected, work, in_step):
    someone = connected.site.users.listing[0]
    deadly, harmless = deliver([signin(999), signin(someone.id)])
    for _ in range(retries.TRIES):
        inbox.claim()
        InboundEvent.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
        InboundEvent.objects.filter(pk=harmless.pk).update(attempts=1)

    assert work() == {"failed": 1, "processed": 1}

    deadly.refresh_from_db()
    assert "times while it processed this" in deadly.outcome


def test_tries_without_an_answer_are_no_deaths_of_a_worker(deliver, connected, work, in_step):
    (event,) = deliver([signin(connected.site.users.listing[0].id)])
    InboundEvent.objects.update(attempts=retries.TRIES - 2)
    inbox.claim()
    InboundEvent.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))

    assert work() == {"processed": 1}

    event.refresh_from_db()
    assert (event.attempts, event.crashes) == (retries.TRIES, 1)


def test_deaths_from_before_it_was_reopened_do_not_count(deliver, connected, work, in_step):
    (event,) = deliver([signin(connected.site.users.listing[0].id)])
    InboundEvent.objects.update(status=Status.FAILED, attempts=6, crashes=5)
    assert retries.reopen(InboundEvent.objects.all()) == 1
    inbox.claim()
    InboundEvent.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))

    assert work() == {"processed": 1}

    event.refresh_from_db()
    assert event.crashes == 1


def test_reopening_acts_upon_it_again(deliver, connected, work, in_step):
    someone = connected.site.users.listing[0]
    (event,) = deliver([signin(someone.id)])
    work()
    User.objects.update(last_activity_at=None)

    assert retries.reopen(InboundEvent.objects.filter(pk=event.pk)) == 1
    assert retries.reopen(InboundEvent.objects.filter(pk=event.pk)) == 0  # it waits already
    assert work() == {"processed": 1}

    assert User.objects.get(thinkific_id=someone.id).last_activity_at is not None


def test_an_error_of_ours_stands_on_the_event(deliver, connected, work, in_step):
    someone = connected.site.users.listing[0]

    def refuse(execute, sql, params, many, context):
        if "last_activity_at" in sql and sql.startswith("SELECT"):
            raise RuntimeError("something unheard of")
        return execute(sql, params, many, context)

    deliver([signin(someone.id), signin(connected.site.users.listing[1].id)])
    with connection.execute_wrapper(refuse):
        assert work() == {"failed": 2}

    assert set(InboundEvent.objects.values_list("outcome", flat=True)) == {
        "RuntimeError: something unheard of"
    }


# --- with real processes and real deliveries ---------------------------------------------------------------


@pytest.fixture
def subscribed(live_server, connected, in_step):
    """The stand-in sends all events to the address of the dashboard."""
    connected.webhooks.subscribe_all(live_server.url + ADDRESS)
    return connected


@pytest.mark.django_db(transaction=True)
def test_what_happens_at_the_site_is_here_by_itself(subscribed, work):
    site = subscribed.site
    row = next(e for e in site.enrollments.listing if 0 < float(e.percentage_completed) < 0.8)
    site.write("move_progress", enrollment_id=row.id, percent=91)
    site.write("update_user", user_id=row.user_id, fields={"first_name": "Changed"})
    assert subscribed.webhooks.wait_idle()

    assert OrmQ.objects.count() >= 1
    work()

    enrollment = Enrollment.objects.get(thinkific_id=row.id)
    assert float(enrollment.percentage_completed) == 0.91
    assert enrollment.user.first_name == "Changed"
    assert subscribed.webhooks.failed_attempts == 0


@pytest.mark.django_db(transaction=True)
def test_false_doubled_and_reversed_deliveries(subscribed, work, live_server):
    row = next(e for e in subscribed.site.enrollments.listing if 0 < float(e.percentage_completed) < 0.8)
    listeners, told = subscribed.site.listeners, []
    subscribed.site.listeners = [lambda topic, payload: told.append({"topic": topic, "payload": payload})]
    for percent in (85, 90, 95):
        subscribed.site.write("move_progress", enrollment_id=row.id, percent=percent)
    subscribed.site.listeners = listeners
    control = f"{subscribed.url}/_sandbox/emit"

    for how in ({"signature": "wrong"}, {"signature": "none"}):
        requests.post(control, json={"events": told, **how}, timeout=10)
    requests.post(control, json={"events": told, "copies": 10, "reverse": True}, timeout=10)
    deadline = time.monotonic() + 20
    while InboundEvent.objects.count() < 3 or subscribed.webhooks.delivered < 30:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    work()

    assert InboundEvent.objects.count() == 3
    assert float(Enrollment.objects.get(thinkific_id=row.id).percentage_completed) == 0.95


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_storm_of_five_hundred_is_worked_on_by_two_at_once_and_each_once(
    connected, in_step, happened, deliver, work
):
    rows = connected.site.enrollments.listing
    for number in range(500):
        connected.site.write("move_progress", enrollment_id=rows[number % len(rows)].id, percent=number % 90)
    deliver(happened[:500])
    assert OrmQ.objects.count() < 20

    def run():
        work()
        connection.close()

    workers = [threading.Thread(target=run) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert not InboundEvent.objects.exclude(status__in=[Status.PROCESSED, Status.IGNORED]).exists()
    assert set(InboundEvent.objects.values_list("attempts", flat=True)) == {1}
    here = dict(Enrollment.objects.values_list("thinkific_id", "percentage_completed"))
    assert {row.id: float(row.percentage_completed) for row in rows} == {
        row.id: float(here[row.id]) for row in rows
    }


@pytest.mark.django_db(transaction=True)
def test_news_from_before_that_had_to_wait_for_newer_ones_changes_nothing(
    connected, in_step, happened, deliver, work
):
    """Another worker stores the newer events at the same time, so the row as this one has read it is old."""
    row = connected.site.enrollments.listing[0]
    for percent in (31, 72):
        connected.site.write("move_progress", enrollment_id=row.id, percent=percent)
        time.sleep(0.01)
    before, after = happened
    deliver([before])
    stored = Enrollment.objects.filter(thinkific_id=row.id)

    def run():
        work()
        connection.close()

    worker = threading.Thread(target=run)
    with transaction.atomic():
        stored.update(percentage_completed="0.72", remote_updated_at=after["payload"]["updated_at"])
        worker.start()
        time.sleep(1)
    worker.join()

    assert float(stored.get().percentage_completed) == 0.72
    assert not InboundEvent.objects.filter(status=Status.FAILED).exists()


# Dies when the new progress is written and neither it nor the verdict is committed.
KILLED = """
import os, signal, django
django.setup()
from django.db import connection
from integrations.thinkific.webhooks.process import process

def die(execute, sql, params, many, context):
    # After the writes: which bundles the students have.
    if 'SELECT "core_enrollment"."id" AS "pk" FROM' in sql and '"productable_type" = ' in sql:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)

with connection.execute_wrapper(die):
    process(seconds=30)
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_worker_leaves_nothing_half_done_and_nothing_behind(subscribed, work, connected_environment):
    row = next(e for e in subscribed.site.enrollments.listing if 0 < float(e.percentage_completed) < 0.8)
    before = Enrollment.objects.filter(thinkific_id=row.id).values().get()
    subscribed.site.write("move_progress", enrollment_id=row.id, percent=91)
    assert subscribed.webhooks.wait_idle()

    killed = subprocess.run([sys.executable, "-c", KILLED], env=connected_environment, timeout=60)

    assert killed.returncode == -signal.SIGKILL
    assert Enrollment.objects.filter(thinkific_id=row.id).values().get() == before
    assert work() == {}  # the lease runs
    assert not inbox.sweep()
    InboundEvent.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert inbox.sweep()
    assert work() == {"processed": 1}
    assert float(Enrollment.objects.get(thinkific_id=row.id).percentage_completed) == 0.91
