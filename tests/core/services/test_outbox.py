import pytest
from django.db import transaction
from django.utils import timezone

from core.models import OutboxEntry
from core.services import outbox
from tests.factories import (
    EnrollmentFactory,
    GroupMembershipFactory,
    OutboxEntryFactory,
    ProductFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_an_object_waits_once_and_keeps_the_oldest_value_seen():
    user = UserFactory()
    outbox.mark_stale([user], reason="first", last_seen={user.pk: {"last_name": "A"}})
    outbox.mark_stale(
        [user], reason="second", last_seen={user.pk: {"last_name": "B", "email": "b@x.example"}}
    )

    entry = OutboxEntry.objects.get()
    assert (entry.reason, entry.last_seen) == ("second", {"last_name": "A", "email": "b@x.example"})


def test_a_change_revives_what_had_failed():
    user = UserFactory()
    OutboxEntryFactory(object_id=user.pk, person=user, status="failed", error="No.", attempts=12)
    outbox.mark_stale([user], reason="again")

    entry = OutboxEntry.objects.get()
    assert (entry.status, entry.error, entry.attempts) == ("pending", "", 0)


def test_a_change_of_what_is_on_its_way_waits_behind_it():
    user = UserFactory()
    OutboxEntryFactory(object_id=user.pk, person=user, status="in_flight")
    outbox.mark_stale([user], reason="newer")

    assert sorted(OutboxEntry.objects.values_list("status", flat=True)) == ["in_flight", "pending"]


def test_what_failed_stays_beside_what_waits():
    user = UserFactory()
    OutboxEntryFactory(object_id=user.pk, status="pending")
    OutboxEntryFactory(object_id=user.pk, status="failed")
    outbox.mark_stale([user], reason="newer")

    assert sorted(OutboxEntry.objects.values_list("status", "reason")) == [
        ("failed", "name changed"),
        ("pending", "newer"),
    ]


def test_products_are_not_ours_to_tell():
    assert outbox.mark_stale([ProductFactory()], reason="x") == 0
    assert not OutboxEntry.objects.exists()


def test_nothing_is_noted_of_a_change_that_is_rolled_back():
    user = UserFactory()
    with pytest.raises(RuntimeError), transaction.atomic():
        outbox.mark_stale([user], reason="x")
        raise RuntimeError
    assert not OutboxEntry.objects.exists()


def test_marking_many_costs_a_constant_number_of_queries(django_assert_max_num_queries):
    users = UserFactory.create_batch(60)
    with django_assert_max_num_queries(8):
        outbox.mark_stale(users, reason="file")
    assert OutboxEntry.objects.filter(priority=-1).count() == 60


def test_retrying_puts_the_object_back_to_waiting_unless_a_newer_change_waits():
    enrollment = EnrollmentFactory(failed=True)
    failed = OutboxEntryFactory(entity="enrollment", object_id=enrollment.pk, status="failed")
    overtaken = OutboxEntryFactory(object_id=5, status="failed")
    OutboxEntryFactory(object_id=5)

    assert outbox.retry([failed, overtaken]) == 2

    enrollment.refresh_from_db()
    assert enrollment.push_state == "pending"
    assert OutboxEntry.objects.get(pk=failed.pk).status == "pending"
    assert OutboxEntry.objects.get(pk=overtaken.pk).status == "discarded"
    assert outbox.retry([failed]) == 0


def test_discarding_gives_the_change_up():
    enrollment = EnrollmentFactory(push_state="failed", remote_digest=5)
    failed = OutboxEntryFactory(entity="enrollment", object_id=enrollment.pk, status="failed")
    sent = OutboxEntryFactory(status="done", finished_at=timezone.now())

    assert outbox.discard([failed, sent]) == 1

    enrollment.refresh_from_db()
    assert (enrollment.push_state, enrollment.remote_digest) == ("clean", None)


@pytest.mark.parametrize("other", ["pending", "in_flight"])
@pytest.mark.parametrize("entity", ["enrollment", "groupmembership"])
def test_an_object_waits_as_long_as_one_of_its_changes_does(entity, other):
    make = {"enrollment": EnrollmentFactory, "groupmembership": GroupMembershipFactory}[entity]
    row = make(push_state="pending")
    OutboxEntryFactory(entity=entity, object_id=row.pk, status=other)
    failed = OutboxEntryFactory(entity=entity, object_id=row.pk, status="failed")

    assert outbox.discard([failed]) == 1

    row.refresh_from_db()
    assert row.push_state == "pending"
    outbox.discard(OutboxEntry.objects.all())
    row.refresh_from_db()
    assert row.push_state == ("clean" if other == "pending" else "pending")
