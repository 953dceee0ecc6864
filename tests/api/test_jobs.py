"""Jobs: what a call left to do, and how it goes."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Job, OutboxEntry
from core.services import outbox
from core.services.api import jobs
from integrations.models import SyncRun
from tests.factories import EnrollmentFactory

pytestmark = pytest.mark.django_db
Status = OutboxEntry.Status


@pytest.fixture
def job(alma):
    """A job about two enrollments that wait to be sent."""
    made = EnrollmentFactory.create_batch(2, push_state="pending")
    outbox.mark_stale(made, reason="enrolled")
    return jobs.start(Job.Kind.ENROLL, user=alma, objects=made)


def shown(client, job):
    answer = client.get(f"jobs/{job.pk}")
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]


def finish(which, status, error=""):
    entry = OutboxEntry.objects.order_by("pk")[which]
    entry.status, entry.error, entry.finished_at, entry.attempts = status, error, timezone.now(), 1
    entry.save()


def test_from_queued_to_done(alma, api, job):
    client = api(alma)
    first = shown(client, job)
    assert (first["status"], first["total"], first["done"], first["finished_at"]) == ("queued", 2, 0, None)
    finish(0, Status.DONE)
    assert (shown(client, job)["status"], shown(client, job)["done"]) == ("running", 1)
    finish(1, Status.DONE)
    last = shown(client, job)
    assert (last["status"], last["done"], last["errors"]) == ("done", 2, [])
    assert last["finished_at"]


def test_a_failed_one_says_why_in_thinkifics_words(alma, api, job):
    finish(0, Status.DONE)
    finish(1, Status.FAILED, "Thinkific: Course is not available.")
    last = shown(api(alma), job)
    assert (last["status"], last["done"], last["failed"]) == ("failed", 1, 1)
    (error,) = last["errors"]
    assert (error["object"], error["message"]) == ("enrollment", "Thinkific: Course is not available.")


def test_a_newer_change_of_the_same_object_decides(alma, api, job):
    entry = OutboxEntry.objects.order_by("pk")[0]
    finish(0, Status.DISCARDED, "a newer change goes on")
    finish(1, Status.DONE)
    OutboxEntry.objects.create(entity="enrollment", object_id=entry.object_id, reason="end date changed")
    assert shown(api(alma), job)["status"] == "running"
    finish(2, Status.DONE)
    assert shown(api(alma), job)["status"] == "done"


def test_entries_that_are_gone_were_sent(alma, api, job):
    OutboxEntry.objects.all().delete()
    assert shown(api(alma), job)["status"] == "done"


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ("queued", "queued"),
        ("running", "running"),
        ("succeeded", "done"),
        ("partial", "done"),
        ("failed", "failed"),
    ],
)
def test_a_job_of_a_run_has_its_state(alma, api, status, wanted):
    ended = timezone.now() - timedelta(minutes=1) if wanted in ("done", "failed") else None
    run = SyncRun.objects.create(kind="groups", status=status, finished_at=ended)
    job = jobs.start(Job.Kind.GROUP_SYNC, user=alma, run_id=run.pk)
    found = shown(api(alma), job)
    assert (found["status"], bool(found["finished_at"])) == (wanted, bool(ended))
    assert bool(found["errors"]) == (wanted == "failed")


def test_only_its_issuer_sees_it(alma, root, api, job):
    assert api(root).get(f"jobs/{job.pk}").status_code == 404
    assert api(alma, "products:read").get(f"jobs/{job.pk}").status_code == 200


@pytest.mark.parametrize("key", [uuid.uuid4(), "1", "x" * 36])
def test_unknown_jobs(alma, api, key):
    assert api(alma).get(f"jobs/{key}").status_code == 404


def test_its_queries_do_not_grow(alma, api, job, django_assert_num_queries):
    client = api(alma)
    client.get("products")
    with django_assert_num_queries(4):  # token, job, changes, entries
        shown(client, job)
