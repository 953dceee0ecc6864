"""Looking before an enrollment is made: somebody may have bought or given it since the last pull."""

from datetime import timedelta

import pytest
from django.utils import timezone

from core.models import Enrollment, UnreadRecords, User
from core.services import people
from core.services.enrollments import enrollments
from integrations.models import InboundEvent, SyncRun, WebhookSubscription
from integrations.thinkific.webhooks import process


@pytest.fixture
def student(site, pull, catalog):
    """A person of Thinkific without enrollments; everything is pulled."""
    fields = {"email": "h@x.example", "first_name": "H", "last_name": "X"}
    number = site.write("create_user", fields=fields).id
    pull("users")
    pull("enrollments")
    return User.objects.get(thinkific_id=number)


@pytest.fixture
def course(catalog):
    return catalog[min(catalog)]


def buy(site, student, course):
    end = timezone.now() + timedelta(days=20)
    dates = {"activated_at": "2026-01-01T00:00:00Z", "expiry_date": end.isoformat()}
    number = course.productable_id
    return site.write("enroll", user_id=student.thinkific_id, course_id=number, dates=dates)


def enroll(student, *products):
    end = (timezone.now() + timedelta(days=90)).replace(microsecond=0)
    enrollments.enroll_unchecked(student=student, products=products, expiry_date=end)


def subscribed():
    WebhookSubscription.objects.create(
        subscription_id="1", topic="enrollment.created", target_url="https://x.example"
    )


def asked(thinkific):
    count = thinkific.stats.total
    thinkific.reset_stats()
    return count


@pytest.mark.parametrize("heard", ["no webhooks", "event waits", "event processed"])
def test_what_was_bought_since_the_last_pull_is_taken_up(site, push, student, course, thinkific, heard):
    thinkific.set_options(repost="duplicate")
    row = buy(site, student, course)
    if heard != "no webhooks":
        subscribed()
        payload = {"id": row.id, "course_id": course.productable_id, "user": {"id": student.thinkific_id}}
        InboundEvent.objects.create(event_id="1", topic="enrollment.created", payload=payload)
    if heard == "event processed":
        process.process(seconds=10, gather=0)
    enroll(student, course)
    thinkific.reset_stats()

    assert push() == {"done": 1}

    assert asked(thinkific) <= 3  # to see it, to move its end, to see that it was moved
    assert [one.id for one in site.enrollments_for(student.thinkific_id, course.productable_id)] == [row.id]
    enrollment = Enrollment.objects.get(user=student)
    assert enrollment.thinkific_id == row.id
    enrollments.expire([enrollment])
    push()
    assert row.is_expired(site.clock.now())


def test_several_courses_at_once_cost_one_look(push, student, catalog, thinkific):
    enroll(student, *list(catalog.values())[:3])
    thinkific.reset_stats()

    assert push() == {"done": 3}

    assert asked(thinkific) == 3 + 1


def test_nobody_is_looked_at_of_whom_nothing_was_heard_since_the_last_pull(push, student, course, thinkific):
    subscribed()
    enroll(student, course)
    thinkific.reset_stats()

    assert push() == {"done": 1}

    assert asked(thinkific) == 1


def test_nor_somebody_whose_account_we_have_just_made(push, pull, course, thinkific):
    pull("enrollments")
    thinkific.reset_stats()
    new = people.create_user(email="ada@new.example", first_name="Ada", last_name="Roe", in_thinkific=False)
    enroll(new, course)

    assert push() == {"done": 2}

    assert asked(thinkific) == 2


@pytest.mark.parametrize("sign", ["activity", "old pull", "failed event", "came back"])
def test_a_sign_of_life_since_the_last_pull_is_worth_a_look(push, pull, student, course, thinkific, sign):
    subscribed()
    if sign == "activity":
        User.objects.filter(pk=student.pk).update(last_activity_at=timezone.now())
    elif sign == "failed event":
        InboundEvent.objects.create(event_id="1", topic="enrollment.created", status="failed")
    elif sign == "came back":
        UnreadRecords.objects.create(user=student, kind="enrollments")
    else:
        _a_day_passes()
    enroll(student, course)
    thinkific.reset_stats()

    push()

    assert asked(thinkific) == 2


def _a_day_passes():
    run = SyncRun.objects.filter(kind="enrollments").latest("pk")
    run.created_at -= timedelta(days=2)
    run.save()
