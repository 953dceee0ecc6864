"""Content that is known but was never read is pulled soon, however it became known."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import Schedule

from core.models import Chapter, Product
from core.processes import this_process
from integrations import schedules
from integrations.models import SyncRun, SyncSchedule
from integrations.thinkific.kinds import carry_out
from integrations.thinkific.pull import unread
from integrations.thinkific.runs import lifecycle
from tests.integrations.thinkific.webhooks.conftest import of


@pytest.fixture
def read(in_step, pull, connected):
    """Pull the content of all courses."""
    pull("content")
    connected.reset_stats()


def queued(kind="content"):
    return SyncRun.objects.filter(kind=kind, status=SyncRun.Status.QUEUED)


def product_of(course):
    return Product.objects.get(productable_type="Course", productable_id=course["id"])


def carry(run):
    carry_out(lifecycle.claim(run.pk, worker=this_process()))
    run.refresh_from_db()
    return run


def test_the_content_of_a_course_that_came_by_webhook(connected, read, happened, deliver, work, asked):
    course = connected.site.write("add_course", name="Brand new")
    before = list(Chapter.objects.order_by("pk").values())
    deliver(happened)
    work()

    run = queued().get()
    assert (run.full, run.trigger, run.options) == (False, SyncRun.Trigger.WEBHOOK, {"unread": True})
    asked()
    assert carry(run).status == "succeeded"

    product = product_of(course)
    assert product.content_synced_at is not None
    assert product.chapters.count() == len(course["chapter_ids"])
    assert list(Chapter.objects.exclude(product=product).order_by("pk").values()) == before
    assert asked() <= len(course["chapter_ids"]) + 3  # its chapters, or GraphQL: nothing of other courses
    assert unread.ask_soon() == []


def test_the_content_of_a_course_that_a_pull_has_found(connected, read, pull):
    course = connected.site.write("add_course", name="Brand new")
    pull("products")

    (run,) = unread.ask_soon()

    assert (run.kind, run.trigger) == ("content", SyncRun.Trigger.SCHEDULE)
    assert carry(run).status == "succeeded"
    assert product_of(course).content_synced_at is not None
    assert unread.ask_soon() == []


def test_a_course_that_only_an_enrollment_has_named_and_then_its_content(
    connected, read, happened, deliver, work
):
    course = connected.site.write("add_course", name="Built anew", new_builder=True)
    someone = connected.site.users.listing[0]
    dates = {"activated_at": "2026-01-01T00:00:00Z"}
    connected.site.write("enroll", user_id=someone.id, course_id=course["id"], dates=dates)
    deliver(of(happened, "enrollment.created"))
    work()

    for _ in range(3):
        unread.ask_soon()
        for run in SyncRun.objects.filter(status=SyncRun.Status.QUEUED):
            carry(run)

    product = product_of(course)
    assert product.source == Product.Source.GRAPHQL
    assert product.thinkific_id is not None and product.content_synced_at is not None
    assert not SyncRun.objects.active().exists()


def test_what_cannot_be_read_is_tried_once(connected, read, pull, settings):
    connected.site.write("add_course", name="Brand new")
    pull("products")
    Product.objects.filter(name="Brand new").update(productable_id=999_999)
    (run,) = unread.ask_soon()

    assert carry(run).status == "partial"

    assert unread.ask_soon() == []


def test_after_a_run_that_failed_it_waits_a_while(connected, read, pull):
    connected.site.write("add_course", name="Brand new")
    pull("products")
    (run,) = unread.ask_soon()
    SyncRun.objects.filter(pk=run.pk).update(status="failed", finished_at=timezone.now())
    assert unread.ask_soon() == []

    SyncRun.objects.filter(pk=run.pk).update(finished_at=timezone.now() - timedelta(minutes=16))

    assert len(unread.ask_soon()) == 1


def test_the_schedule_s_own_run_is_not_forestalled(connected, read, pull):
    connected.site.write("add_course", name="Brand new")
    pull("products")
    schedules.write_schedules()
    theirs = Schedule.objects.filter(name__contains="content")
    theirs.update(next_run=timezone.now() + timedelta(minutes=2))
    assert unread.ask_soon() == []

    theirs.update(next_run=timezone.now() + timedelta(hours=2))
    assert len(unread.ask_soon()) == 1


def test_nothing_is_started_that_nobody_pulls(connected, read, pull):
    connected.site.write("add_course", name="Brand new")
    pull("products")
    SyncSchedule.objects.filter(kind="content").update(enabled=False)

    assert unread.ask_soon() == []


def test_the_first_pull_of_content_is_left_to_whoever_starts_it(connected, in_step):
    assert Product.objects.courses().filter(content_synced_at=None).exists()
    assert unread.ask_soon() == []


def test_a_course_of_the_new_builder_is_left_alone_without_a_token(connected, read, pull, settings):
    connected.site.write("add_course", name="Built anew", new_builder=True)
    pull("products")
    settings.THINKIFIC_ACCESS_TOKEN = ""

    assert unread.ask_soon() == []


def test_whoever_wants_everything_is_not_given_the_new_ones_only(connected, read, pull, root):
    connected.site.write("add_course", name="Brand new")
    pull("products")
    unread.ask_soon()

    with pytest.raises(lifecycle.Refusal, match="does not do what you chose"):
        lifecycle.request_run("content", started_by=root)
