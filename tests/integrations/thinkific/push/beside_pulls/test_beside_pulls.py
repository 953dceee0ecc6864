"""Pushes and pulls meet: what we caused is stored here already, and what was just changed here stays."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from core.models import Enrollment, OutboxEntry, Product, SiteSettings, User
from core.services import people
from core.services.accounts import deletions
from core.services.enrollments import enrollments
from tests.integrations.thinkific.push.conftest import counts

KINDS = ("users", "enrollments", "groups")


@pytest.fixture
def delete_too():
    """People who are deleted here are also deleted in Thinkific."""
    settings = SiteSettings.load()
    settings.delete_students = True
    settings.save()


NOW = timezone.now().replace(microsecond=0)


def in_days(days):
    return NOW + timedelta(days=days)


def courses_of(bundle):
    return [item.course for item in bundle.bundle_items.select_related("course").order_by("pk")]


def held(user, product):
    return Enrollment.objects.get(user=user, product=product)


def another_bundle(site, pull):
    """Create another bundle of the same courses."""
    row = {"id": 900, "name": "Other", "slug": "other"}
    number = site.write("put", kind="bundles", row=next(iter(site.bundles)) | row)
    product = next(p for p in site.products if p["productable_type"] == "Bundle")
    row = {"id": 901, "productable_id": number, "name": "Other"}
    site.write("put", kind="products", row=product | row)
    site.holders[number] = {}
    for kind in ("products", *KINDS):
        pull(kind)
    return Product.objects.bundles().get(productable_id=number)


def test_the_pull_after_all_was_sent_finds_nothing(site, push, pull, ada, bundle):
    course, *rest, _ = courses_of(bundle)
    for kind in KINDS:
        pull(kind)
    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(30))
    push()
    # On their own now: neither tells any longer when the bundle began or ends.
    enrollments.change_expiry([held(ada, course)], expiry_date=in_days(200))
    push()
    enrollments.enroll_unchecked(student=ada, products=[course])
    push()
    enrollments.change_expiry([held(ada, bundle)], expiry_date=in_days(60))
    push()
    site.write(
        "set_dates",
        enrollment_id=held(ada, courses_of(bundle)[-1]).thinkific_id,
        dates={"expiry_date": in_days(45).isoformat()},
    )
    pull("enrollments")
    # The same end, so nothing is sent; but only the last course is left to tell the bundle's.
    for one in rest:
        enrollments.change_expiry([held(ada, one)], expiry_date=held(ada, one).expiry_date)
    assert push() == {}

    assert {kind: counts(pull(kind)) for kind in KINDS} == {kind: {} for kind in KINDS}
    assert held(ada, bundle).expiry_date == in_days(45)


def test_moving_the_end_of_a_bundle_leaves_the_starts_of_its_courses(site, push, ada, bundle):
    [course, *_] = courses_of(bundle)
    enrollments.enroll_unchecked(student=ada, products=[bundle])
    push()
    row = site.enrollments_for(ada.thinkific_id, course.productable_id)[0]
    site.write("set_dates", enrollment_id=row.id, dates={"activated_at": "2026-01-01T00:00:00Z"})
    started = row.activated_at

    enrollments.change_expiry([held(ada, bundle)], expiry_date=in_days(60))
    push()

    assert row.activated_at == started
    assert row.expiry_date is not None


def test_a_date_of_theirs_that_we_send_back_is_kept_in_whole_seconds(site, push, pull, ada, bundle):
    course = courses_of(bundle)[0]
    dates = {"activated_at": "2026-01-01T00:00:00.352Z", "expiry_date": "2040-01-01T00:00:00.352Z"}
    for kind in KINDS:
        pull(kind)
    site.write("enroll", user_id=ada.thinkific_id, course_id=course.productable_id, dates=dates)
    pull("enrollments")
    enrollments.enroll_unchecked(student=ada, products=[bundle])
    push()
    enrollments.expire([held(ada, bundle)])  # what was bought ends as it did before
    push()

    assert held(ada, course).expiry_date == datetime(2040, 1, 1, tzinfo=UTC)
    assert counts(pull("enrollments")) == {}


def test_a_course_in_two_bundles_ends_with_the_one_that_is_left(site, push, pull, ada, bundle):
    [shared, *_] = courses_of(bundle)
    longer = another_bundle(site, pull)
    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(10))
    push()
    enrollments.enroll_unchecked(student=ada, products=[longer], expiry_date=in_days(90))
    push()
    assert counts(pull("enrollments")) == {}
    assert held(ada, bundle).expiry_date == in_days(10)

    enrollments.expire([held(ada, longer)])
    push()

    assert counts(pull("enrollments")) == {}
    assert held(ada, shared).expiry_date == in_days(10)


def test_two_bundles_sent_together_keep_their_own_ends(site, push, pull, ada, bundle):
    longer = another_bundle(site, pull)
    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(10))
    enrollments.enroll_unchecked(student=ada, products=[longer])
    push()

    assert counts(pull("enrollments")) == {}
    # The longer one has all of its courses, so nothing is left that would tell the end of the first.
    assert (held(ada, bundle).expiry_date, held(ada, longer).expiry_date) == (in_days(10), None)


def test_a_bundle_sent_late_leaves_a_course_of_its_own_as_it_was(site, push, pull, ada, bundle):
    course = courses_of(bundle)[0]
    for kind in KINDS:
        pull(kind)
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(30))
    push()
    started = held(ada, course).activated_at
    Enrollment.objects.filter(user=ada).update(activated_at=started - timedelta(days=1))
    dates = {"activated_at": (started - timedelta(days=1)).isoformat()}
    site.write("set_dates", enrollment_id=held(ada, course).thinkific_id, dates=dates)

    enrollments.enroll_unchecked(student=ada, products=[bundle], expiry_date=in_days(10))
    push()

    row = site.enrollments[held(ada, course).thinkific_id]
    assert row.activated_at == (started - timedelta(days=1)).timestamp() * 1000
    assert held(ada, course).activated_at == started - timedelta(days=1)
    assert counts(pull("enrollments")) == {}


def test_an_edit_that_is_committed_while_a_pull_stores_is_kept(site, push, pull, ada, bundle):
    course = courses_of(bundle)[0]
    enrollments.enroll_unchecked(student=ada, products=[course], expiry_date=in_days(30))
    push()
    number, wanted = held(ada, course).thinkific_id, in_days(99)
    OutboxEntry.objects.all().delete()  # as if it had been sent long ago
    site.write("set_dates", enrollment_id=number, dates={"expiry_date": "2027-01-01T00:00:00Z"})
    written, enough = threading.Event(), threading.Event()

    def edit():
        try:
            with transaction.atomic():
                enrollments.change_expiry([held(ada, course)], expiry_date=wanted)
                written.set()
                enough.wait(5)
        finally:
            connections.close_all()

    editing = threading.Thread(target=edit)
    editing.start()
    written.wait(10)
    # The pull has read what is stored and waits for the edit, which it must then see.
    threading.Timer(1.0, enough.set).start()
    started = time.monotonic()
    pull("enrollments")
    editing.join()

    assert time.monotonic() - started > 0.8
    assert held(ada, course).expiry_date == wanted
    push()
    assert site.enrollments[number].expiry_date == wanted.timestamp() * 1000


def test_somebody_deleted_while_their_change_is_sent_does_not_come_back(
    site, thinkific, push, pull, ada, delete_too
):
    for kind in KINDS:
        pull(kind)
    thinkific.faults.add("stall", method="PUT", path="/users", seconds=1.0, next=1)
    people.update_user(ada, last_name="Renamed")

    def send():
        try:
            push(1)
        finally:
            connections.close_all()

    sending = threading.Thread(target=send)
    sending.start()
    while site.users[ada.thinkific_id].last_name != "Renamed":
        time.sleep(0.02)

    ada.refresh_from_db()
    deletions.delete(ada, confirmed=deletions.describe(ada))
    sending.join()

    assert not User.objects.filter(thinkific_id=ada.thinkific_id).exists()
    push()
    assert ada.thinkific_id not in site.users
    assert counts(pull("users")) == {}
