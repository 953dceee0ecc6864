from datetime import datetime, timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from core.models import OutboxEntry
from core.services import outbox
from core.services.outbox import claims, outcomes
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
    later = timezone.now() + timedelta(minutes=10)
    values = {"status": "failed", "error": "No.", "attempts": 12, "not_before": later}
    OutboxEntryFactory(object_id=user.pk, person=user, **values)
    outbox.mark_stale([user], reason="again")

    entry = OutboxEntry.objects.due().get()
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


# --- what goes first ---------------------------------------------------------------------------------


def priorities() -> set[int]:
    return set(OutboxEntry.objects.values_list("priority", flat=True))


def test_twenty_changes_at_once_wait_for_single_ones():
    users = UserFactory.create_batch(20)
    outbox.mark_stale(users[:19], reason="by hand")
    assert priorities() == {0}
    OutboxEntry.objects.all().delete()
    outbox.mark_stale(users, reason="file")
    assert priorities() == {-1}

    outbox.mark_stale(users[:1], reason="renamed")

    assert OutboxEntry.objects.order_by("-priority").values_list("priority", "object_id")[0] == (
        0,
        users[0].pk,
    )


@pytest.mark.django_db(transaction=True)
def test_a_change_is_marked_in_its_own_transaction_only():
    """Else the process could die between the two."""
    user = UserFactory()

    with pytest.raises(RuntimeError, match="transaction"):
        outbox.mark_stale([user], reason="renamed")


def test_of_what_is_deleted_nothing_else_is_sent():
    user = UserFactory(thinkific_id=7)
    outbox.mark_stale([user], reason="renamed")
    OutboxEntryFactory(object_id=user.pk, status="failed")

    outbox.mark_gone(entity="user", object_id=user.pk, thinkific_id=7, reason="deleted")

    left = OutboxEntry.objects.unsent().get()
    assert (left.thinkific_id, left.reason) == (7, "deleted")


def test_what_waited_for_an_account_is_due_when_there_is_one():
    user, later = UserFactory(), timezone.now() + timedelta(minutes=10)
    entry = OutboxEntryFactory(entity="enrollment", person=user, not_before=later)
    other = OutboxEntryFactory(entity="enrollment", person=UserFactory(), not_before=later)

    outbox.mark.make_due(user.pk)

    assert list(OutboxEntry.objects.due()) == [entry]
    assert OutboxEntry.objects.get(pk=other.pk).not_before == later


# --- how a push ends ---------------------------------------------------------------------------------


def claimed(**fields) -> OutboxEntry:
    pk = OutboxEntryFactory(**fields).pk
    [[entry]] = claims.claim(1)
    assert entry.pk == pk
    return entry


def stored(entry: OutboxEntry) -> OutboxEntry:
    return OutboxEntry.objects.get(pk=entry.pk)


def test_what_works_settles_the_failed_changes_of_the_same_object():
    entry = claimed(object_id=5)
    same, other = OutboxEntryFactory(object_id=5, status="failed"), OutboxEntryFactory(status="failed")

    assert outcomes.finish(entry, now=timezone.now())

    assert [stored(one).status for one in (entry, same, other)] == ["done", "discarded", "failed"]


def test_what_is_refused_is_left_to_a_newer_change_of_the_same_object():
    key = UserFactory().pk
    entry = claimed(object_id=key, last_seen={"email": "a@x.example"}, sent={"email": ["b@x.example"]})
    newer = OutboxEntryFactory(object_id=key, sent={"email": ["c@x.example"]})

    outcomes.fail(entry, "No.", now=timezone.now())

    entry, newer = stored(entry), stored(newer)
    assert (entry.status, entry.sent, newer.status) == ("discarded", {}, "pending")
    assert newer.last_seen == {"email": "a@x.example"}
    assert newer.sent == {"email": ["b@x.example", "c@x.example"]}


def test_a_newer_change_takes_over_what_one_that_is_put_back_knew():
    entry = claimed(object_id=5, attempts=6, crashes=3, last_seen={"email": "a@x.example"})
    newer = OutboxEntryFactory(object_id=5)

    assert claims.put_back(entry, until=timezone.now(), uncertain=True, counts=False, crashed=True)

    entry, newer = stored(entry), stored(newer)
    assert (entry.status, newer.status) == ("discarded", "pending")
    assert (newer.uncertain, newer.attempts, newer.crashes) == (True, 6, 4)
    assert newer.last_seen == {"email": "a@x.example"}


def after_a_death(crashes: int, *, created: datetime | None = None) -> OutboxEntry:
    """The entry, when the process that had it has died, after so many before it."""
    user = UserFactory()
    entry = claimed(object_id=user.pk, person=user)
    over = timezone.now() - timedelta(seconds=1)
    values = {"claimed_until": over, "crashes": crashes, "created_at": created or timezone.now()}
    OutboxEntry.objects.filter(pk=entry.pk).update(**values)
    claims.free_abandoned()
    return stored(entry)


@pytest.mark.parametrize(("crashes", "seconds"), [(0, 0), (4, 0), (5, 2), (6, 4), (40, 30)])
def test_an_entry_that_kills_its_workers_waits_longer_each_time(crashes, seconds):
    before = timezone.now()
    entry = after_a_death(crashes)

    assert (entry.status, entry.attempts, entry.crashes) == ("pending", 0, crashes + 1)
    assert entry.uncertain
    assert seconds <= (entry.not_before - before).total_seconds() < seconds + 1


@pytest.mark.parametrize(
    ("crashes", "hours", "status"), [(5, 25, "failed"), (5, 23, "pending"), (4, 25, "pending")]
)
def test_it_fails_after_a_day(crashes, hours, status):
    entry = after_a_death(crashes, created=timezone.now() - timedelta(hours=hours))

    assert entry.status == status
    assert ("died 6 times" in entry.error) is (status == "failed")


@pytest.mark.parametrize("by", ["retry", "a new change"])
def test_what_failed_by_deaths_begins_anew(by, ana):
    """Else the next death of a worker would end it at once."""
    entry = OutboxEntry.objects.create(
        entity="user", object_id=ana.pk, person=ana, reason="names", status="failed", attempts=3, crashes=6
    )
    with transaction.atomic():
        if by == "retry":
            outbox.retry([entry])
        else:
            outbox.mark_stale([ana], reason="names again")

    entry.refresh_from_db()
    assert (entry.status, entry.attempts, entry.crashes) == ("pending", 0, 0)
