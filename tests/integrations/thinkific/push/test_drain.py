"""The drain: claims, order, waiting, the three results, and what becomes of a worker that dies."""

import os
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone

from core.models import Enrollment, OutboxEntry, User
from core.processes import this_process
from core.services import leases, outbox, people
from core.services.enrollments import enrollments
from core.services.outbox import claims
from core.services.outbox import outcomes as pushes
from integrations.models import ConnectionState
from integrations.thinkific import tasks
from integrations.thinkific.push import outcomes
from integrations.thinkific.push.drain import drain

ROOT = Path(__file__).parents[4]


def somebody(name="ada"):
    return people.create_user(email=f"{name}@new.example", first_name=name.title(), last_name="Roe")


def entries(**lookup):
    return OutboxEntry.objects.filter(**lookup)


# --- results -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["500", "520", "429", "reset", "truncate", "lost_answer"])
def test_failed_requests_are_repeated_until_they_work(site, push, thinkific, kind):
    thinkific.set_options(rate_limit=1_000_000, rate_window=0.5)
    thinkific.faults.add(kind, method="POST", path="/users", next=2)
    somebody()

    outcome = push()

    assert (outcome["done"], outcome.get("failed", 0)) == (1, 0)
    assert sum(user.email == "ada@new.example" for user in site.users) == 1


def test_what_never_works_fails_with_its_reason_and_can_be_tried_again(push, thinkific, monkeypatch):
    monkeypatch.setattr(outcomes, "TRIES", 3)
    thinkific.faults.add("500", method="POST", path="/users")
    somebody()

    assert push() == {"retried": 2, "failed": 1}
    entry = entries().get()
    assert "POST /users answered 500. It was tried 3 times." in entry.error

    thinkific.faults.clear()
    assert outbox.retry([entry]) == 1
    assert push() == {"done": 1}


def test_being_limited_is_no_attempt(thinkific):
    thinkific.set_options(rate_limit=1_000_000, rate_window=1)
    thinkific.faults.add("429", method="POST", path="/users", next=4)
    somebody()

    outcome = drain(seconds=20)

    assert outcome["retried"] >= 1
    entry = entries().get()
    assert (entry.status, entry.attempts) == ("done", 1)


def test_what_is_due_in_a_moment_need_not_wait_for_the_next_sweep(monkeypatch, thinkific):
    monkeypatch.setattr(outcomes, "FIRST_WAIT", 1.0)
    monkeypatch.setattr(outcomes, "LONGEST_WAIT", 1.0)
    thinkific.faults.add("500", method="POST", path="/users", next=1)
    somebody()

    assert drain(seconds=20) == {"retried": 1, "done": 1}


def test_nobody_waits_for_what_is_due_much_later(monkeypatch, thinkific):
    monkeypatch.setattr(outcomes, "FIRST_WAIT", 60.0)
    monkeypatch.setattr(outcomes, "LONGEST_WAIT", 60.0)
    thinkific.faults.add("500", method="POST", path="/users", next=1)
    somebody()
    started = time.monotonic()

    assert drain(seconds=20) == {"retried": 1}
    assert time.monotonic() - started < 10


def test_a_revoked_key_stops_everything_and_nothing_fails(site, push, thinkific, settings):
    for number in range(20):
        somebody(f"p{number}")
    thinkific.set_options(api_key="another key of thirty-two letters", access_token="another token")

    for _ in range(outcomes.TRIES + 2):
        outcome = drain(seconds=5)
        entries(status="pending").update(not_before=timezone.now())
        assert set(outcome) <= {"retried"}

    assert {(e.status, e.attempts) for e in entries()} == {("pending", 0)}
    assert not ConnectionState.objects.get(surface="REST").ok

    settings.THINKIFIC_ACCESS_TOKEN = ""
    settings.THINKIFIC_API_KEY = "the-new-api-key-of-32-characters"
    thinkific.set_options(api_key=settings.THINKIFIC_API_KEY)
    assert push()["done"] == 20
    assert ConnectionState.objects.get(surface="REST").ok


def test_what_is_discarded_comes_back_with_the_next_pull(push, pull):
    pull("users")
    user = User.objects.filter(thinkific_id__isnull=False).first()
    theirs = user.last_name
    people.update_user(user, last_name="Mine")
    assert outbox.discard(entries()) == 1
    pull("users")

    user.refresh_from_db()
    assert user.last_name == theirs


# --- order -------------------------------------------------------------------------------------------


def test_a_person_s_changes_go_in_order(push, catalog, writes):
    ada = somebody()
    enrollments.enroll_unchecked(student=ada, products=[catalog[min(catalog)]])
    writes()
    push()

    assert writes() == ["POST /users", "POST /enrollments"]


def test_enrollments_wait_for_an_account_that_was_refused(site, push, catalog):
    course = catalog[min(catalog)]
    there = site.write("create_user", fields={"email": "a@new.example", "first_name": "A", "last_name": "B"})
    other = User.objects.create_user("other@new.example", thinkific_id=there.id)
    ada = people.create_user(email="a@new.example", first_name="Ada", last_name="Roe")
    enrollments.enroll_unchecked(student=ada, products=[course])
    drain(seconds=5)
    drain(seconds=5)

    waiting = entries(entity="enrollment").get()
    assert (waiting.status, waiting.attempts) == ("pending", 0)
    assert "which failed" in waiting.error
    assert Enrollment.objects.get().status == "pending"

    other.delete()
    outbox.retry(entries(status="failed"))
    assert drain(seconds=5)["done"] == 2


def test_a_single_change_goes_before_a_thousand_from_a_file():
    with transaction.atomic():
        crowd = [User(email=f"p{number}@new.example") for number in range(30)]
        User.objects.bulk_create(crowd)
        outbox.mark_stale(User.objects.filter(email__startswith="p"), reason="file")
    ada = somebody()

    first = claims.claim(1)

    assert [entry.object_id for entry in first[0]] == [ada.pk]


# --- claims ------------------------------------------------------------------------------------------


def test_threads_that_end_while_they_are_waited_for_end_the_drain(catalog):
    user = somebody()

    def ends_meanwhile() -> bool:
        if threading.current_thread() is threading.main_thread():
            for thread in threading.enumerate():
                if thread.name.startswith("push-"):
                    thread.join(0.05)
        return False

    drain(seconds=20, stop=ends_meanwhile)

    user.refresh_from_db()
    assert user.thinkific_id is not None


def test_nobody_s_entries_are_claimed_while_others_of_theirs_are_on_their_way(catalog):
    ada = somebody()
    [[mine]] = claims.claim(5)
    enrollments.enroll_unchecked(student=ada, products=[catalog[min(catalog)]])

    assert claims.claim(5) == []
    assert claims.put_back(mine, until=timezone.now())
    assert [[e.entity for e in group] for group in claims.claim(5)] == [["user", "enrollment"]]


def test_who_has_lost_a_claim_cannot_end_it():
    somebody()
    [[lost]] = claims.claim(5)
    entries().update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert claims.free_abandoned() == 1
    [[mine]] = claims.claim(5)

    assert not pushes.finish(lost, now=timezone.now())
    assert not claims.put_back(lost, until=timezone.now())
    assert entries().get().claimed_by == mine.claimed_by
    assert mine.uncertain  # what the lost one did is not known


def test_the_claims_of_a_dead_process_come_free_at_once(site):
    somebody()
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    claims.claim(5)
    host = this_process().rpartition(":")[0]
    entries().update(claimed_by=f"{host}:{child}#x")

    assert claims.free_abandoned() == 1
    assert claims.free_abandoned() == 0
    # Its last request may still be under way at Thinkific: only then does it help to look there.
    assert entries().get().not_before > timezone.now() + timedelta(seconds=1)
    assert claims.claim(5) == []
    assert drain(seconds=20) == {"done": 1}


def test_a_claim_is_renewed_while_its_process_lives():
    somebody()
    [group] = claims.claim(5)
    entries().update(claimed_until=timezone.now() + timedelta(seconds=1))
    leases.renew(group)

    assert entries().get().claimed_until > timezone.now() + timedelta(seconds=60)


def test_threads_that_claim_at_once_never_get_the_same_person():
    for number in range(40):
        user = User.objects.create_user(f"p{number}@new.example")
        OutboxEntry.objects.create(entity="user", object_id=user.pk, person=user, reason="x")
        OutboxEntry.objects.create(entity="enrollment", object_id=number, person=user, reason="x")
    got: list[list[int]] = []

    def work():
        while groups := claims.claim(3):
            got.extend([[entry.person_id for entry in group] for group in groups])
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(persons[0] for persons in got) == sorted({persons[0] for persons in got})
    assert [len(persons) for persons in got] == [2] * 40


def test_processes_that_drain_at_once_send_everything_once(site, thinkific, connected_environment):
    for number in range(40):
        somebody(f"p{number}")
    thinkific.reset_stats()
    command = [sys.executable, "manage.py", "drain", "--json"]
    running = [
        subprocess.Popen(
            command, cwd=ROOT, env=connected_environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        for _ in range(3)
    ]
    for process in running:
        assert process.communicate(timeout=60)[0]

    assert entries(status="done").count() == 40
    assert len([w for w in thinkific.stats.writes if w["method"] == "POST"]) == 40


# --- being woken -------------------------------------------------------------------------------------


def test_a_wake_up_is_sent_for_every_commit_and_once(monkeypatch):
    sent = []
    monkeypatch.setattr(outbox.mark, "async_task", lambda *a, **k: sent.append(a))
    with transaction.atomic():
        somebody("a")
        somebody("b")
        assert sent == []
    assert len(sent) == 1
    somebody("c")
    assert len(sent) == 2


def test_a_task_leaves_the_work_to_who_is_at_it_and_takes_over_from_the_dead(push):
    somebody("a")
    [[theirs]] = claims.claim(1)
    somebody("b")
    assert tasks.drain_outbox() == {}

    entries(pk=theirs.pk).update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert tasks.drain_outbox() == {"done": 2}


def test_what_is_added_while_a_drain_is_at_work_is_sent_by_it(thinkific):
    thinkific.faults.add("stall", path="/users", seconds=0.6, next=1)
    somebody("a")
    late = threading.Timer(0.3, lambda: (somebody("b"), connection.close()))
    late.start()

    assert drain(seconds=20) == {"done": 2}
    late.join()
