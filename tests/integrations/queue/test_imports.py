"""Imports carried out by real workers, which are killed in the middle."""

import io
import os
import random
import signal
import sys
import time

import pytest

from core.imports import batches
from core.models import ImportBatch, ImportRow, Membership, Notice, OutboxEntry, User
from tests.integrations.queue.conftest import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc"),
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(900),
]
LINES = 24_000
KILLS = 10


def start(by: User, count: int) -> ImportBatch:
    lines = "".join(f"First{n} Last{n},person{n}@new.example,Acme\n" for n in range(count))
    batch = batches.upload(io.BytesIO(f"Name,Email,Team\n{lines}".encode()), name="people.csv", by=by)
    mapping, options = batches.mapping_of(batch), batches.options_of(batch)
    assert batches.validate(batch, mapping=mapping, options=options).valid == count
    batches.start(batch, by=by)
    return batch


def stored() -> ImportBatch:
    return ImportBatch.objects.get()


def test_a_worker_carries_out_what_was_started(start_worker, root, acme):
    start_worker("--workers", "2").wait_until_working()
    start(root, 3)
    wait_until(lambda: stored().status == "succeeded", what="the import")
    assert Notice.objects.filter(user=root, text__contains="3 created").count() == 1


def test_ten_kills_lose_nothing_and_double_nothing(start_worker, root, acme):
    chance = random.Random(14)
    start(root, LINES)
    worker = start_worker("--workers", "2")
    kills, places = 0, []
    while kills < KILLS and stored().status == "running":
        wait_until(lambda: stored().claimed_by or stored().status != "running", seconds=120, what="a claim")
        if places[-2:] == [stored().rows_done] * 2:  # five deaths without a chunk in between end an import
            before = places[-1]
            wait_until(lambda before=before: stored().rows_done != before, seconds=120, what="a chunk")
        time.sleep(chance.uniform(0, 0.4))  # in the middle of a chunk, or between two
        batch = stored()
        if batch.status == "running" and batch.claimed_by and (group := worker.group()):
            os.killpg(group, signal.SIGKILL)
            kills += 1
            places.append(batch.rows_done)
            wait_until(lambda group=group: worker.group() not in (None, group), seconds=60, what="a worker")
    wait_until(lambda: stored().status != "running", seconds=240, what="the end of the import")

    batch = stored()
    assert (batch.status, batch.rows_done, batch.rows_created) == ("succeeded", LINES, LINES), places
    assert kills == KILLS, places
    assert ImportRow.objects.filter(batch=batch, status="created").count() == LINES
    people = User.objects.filter(email__endswith="@new.example")
    assert people.count() == LINES
    assert Membership.objects.filter(team=acme, user__in=people).count() == LINES
    assert User.history.filter(id__in=people.values("pk")).count() == LINES
    assert OutboxEntry.objects.filter(entity="user").count() == LINES
    assert Notice.objects.filter(user=root, text__contains="The import of").count() == 1
