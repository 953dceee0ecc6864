"""The lease of claimed rows, tested with a model whose claimed rows have a status of their own, and with one
whose claimed rows keep the status of waiting rows."""

import os
import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import IntegrityError, OperationalError, connection
from django.utils import timezone

from core import database_outage
from core.models import ImportBatch, OutboxEntry, WebhookDelivery
from core.models.fields.leased import Leased
from core.processes import this_process
from core.services import leases
from core.services.leases import Claim
from integrations.models import InboundEvent
from tests.factories import (
    ImportBatchFactory,
    InboundEventFactory,
    OutboxEntryFactory,
    WebhookDeliveryFactory,
)

pytestmark = pytest.mark.django_db
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
FACTORIES = {
    OutboxEntry: OutboxEntryFactory,
    InboundEvent: InboundEventFactory,
    WebhookDelivery: WebhookDeliveryFactory,
    ImportBatch: ImportBatchFactory,
}


@pytest.fixture(params=FACTORIES, ids=lambda model: model.__name__)
def model(request) -> type[Leased]:
    return request.param


@pytest.fixture(params=[InboundEvent, WebhookDelivery, ImportBatch], ids=lambda model: model.__name__)
def keeping(request) -> type[Leased]:
    """A model whose claimed rows keep the status of waiting ones."""
    return request.param


def waiting(model: type[Leased], **fields) -> Leased:
    return FACTORIES[model](status=model.lease.waiting, **fields)


def take(*rows: Leased, now=None) -> Claim:
    """A new claim that has taken what it could of these rows."""
    claim = Claim.new(type(rows[0]))
    claim.take([row.pk for row in rows], now=now or timezone.now())
    return claim


def lapse(row: Leased) -> None:
    type(row).objects.filter(pk=row.pk).update(claimed_until=timezone.now() - SECOND)


def stored(row: Leased) -> Leased:
    return type(row).objects.get(pk=row.pk)


def dead_process() -> str:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return f"{this_process().rpartition(':')[0]}:{child}"


# --- taking ------------------------------------------------------------------------------------------


def test_of_two_takers_one_gets_the_row(model):
    row = waiting(model)
    first, second = Claim.new(model), Claim.new(model)

    assert first.take([row.pk], now=timezone.now()) == 1
    assert second.take([row.pk], now=timezone.now()) == 0
    assert second.take_over([row.pk], now=timezone.now()) == 0

    assert list(first.held()) == [row]
    assert not second.held().exists()
    assert not model.objects.due().exists()


@pytest.mark.django_db(transaction=True)
def test_takers_at_the_same_moment_share_the_rows(keeping):
    keys = [waiting(keeping).pk for _ in range(30)]
    claims = [Claim.new(keeping) for _ in range(4)]
    ready = threading.Barrier(len(claims))

    def work(claim: Claim) -> None:
        ready.wait()
        for key in keys:
            claim.take([key], now=timezone.now())
        connection.close()

    threads = [threading.Thread(target=work, args=[claim]) for claim in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(row.pk for claim in claims for row in claim.held()) == keys
    assert set(keeping.objects.values_list("attempts", flat=True)) == {1}


def test_the_attempt_is_counted_before_the_work(model):
    row = waiting(model, attempts=2)
    claim = take(row)

    row = stored(row)
    assert (row.status, row.attempts, row.crashes) == (model.lease.claimed, 3, 0)
    assert row.claimed_by == claim.name
    assert claim.name.startswith(f"{this_process()}#")
    assert timezone.now() < row.claimed_until <= timezone.now() + model.lease.length


def test_what_has_to_wait_is_not_taken(model):
    row = waiting(model, not_before=timezone.now() + SECOND)

    assert not take(row).held().exists()
    assert take(row, now=timezone.now() + 2 * SECOND).held().exists()


def test_what_is_over_is_not_taken(model):
    row = waiting(model)
    take(row).finish(status="failed")

    assert not model.objects.due().exists()
    assert not take(row).held().exists()


def test_an_entry_that_code_from_before_has_put_back_is_free():
    """It left the claim on the row."""
    until = timezone.now() + 2 * OutboxEntry.lease.length
    entry = OutboxEntryFactory(claimed_by="elsewhere:1#x", claimed_until=until)

    assert list(take(entry).held()) == [entry]


# --- a lost lease ------------------------------------------------------------------------------------


def test_who_has_lost_the_row_can_do_nothing_with_it(model):
    row = waiting(model)
    lost = take(row)
    assert lost.put_back(until=timezone.now()) == 1
    has_it = take(row)
    before = stored(row)

    assert lost.finish(status="failed") == 0
    assert lost.put_back(until=timezone.now() + HOUR) == 0
    assert lost.renew() == 0
    lost.settle({row.pk: {"status": "failed"}})

    after = stored(row)
    assert (after.status, after.not_before, after.attempts) == (before.status, before.not_before, 2)
    assert (after.claimed_by, after.claimed_until) == (has_it.name, before.claimed_until)


def test_what_was_taken_over_belongs_to_the_new_claim(keeping):
    row = waiting(keeping)
    lost, has_it = take(row), Claim.new(keeping)
    lapse(row)
    assert list(keeping.objects.due()) == [row]

    assert has_it.take_over([row.pk], now=timezone.now()) == 1

    assert lost.finish(status="failed") == 0
    assert lost.put_back(until=timezone.now()) == 0
    lost.settle({row.pk: {"status": "failed"}})
    assert stored(row).claimed_by == has_it.name
    assert has_it.finish(status="failed") == 1


def test_a_row_that_ended_otherwise_is_not_held_any_more():
    """Its object was deleted here meanwhile: the entry was given up, with the claim still on it."""
    entry = waiting(OutboxEntry)
    claim = take(entry)
    OutboxEntry.objects.update(status="discarded")

    assert claim.put_back(until=timezone.now()) == 0
    assert claim.finish(status="done") == 0
    assert stored(entry).status == "discarded"


def test_a_row_that_nobody_has_claimed_cannot_be_ended(keeping):
    row = waiting(keeping)

    assert Claim.on(row).finish(status="failed") == 0
    assert leases.renew([row]) == 0


# --- renewing ----------------------------------------------------------------------------------------


def test_a_renewed_lease_begins_anew(model):
    row, other = waiting(model), waiting(model)
    claim = take(row, other)
    lapse(row)
    lapse(other)

    assert claim.renew([row.pk]) == 1

    assert stored(row).claimed_until > timezone.now() + model.lease.length / 2
    assert stored(other).claimed_until < timezone.now()


def test_rows_of_several_claims_are_renewed_together(model, django_assert_num_queries):
    rows = [waiting(model) for _ in range(3)]
    take(rows[0], rows[1])
    take(rows[2])
    model.objects.update(claimed_until=timezone.now())

    rows = [stored(row) for row in rows]

    with django_assert_num_queries(2):
        assert leases.renew(rows) == 3

    assert not model.objects.filter(claimed_until__lt=timezone.now() + SECOND).exists()


# --- putting back, finishing -------------------------------------------------------------------------


@pytest.mark.parametrize(("counts", "attempts"), [(True, 3), (False, 2)])
def test_what_is_put_back_waits_and_the_attempt_counts_or_not(model, counts, attempts):
    row = waiting(model, attempts=2)
    until = timezone.now() + HOUR / 60

    assert take(row).put_back(until=until, counts=counts) == 1

    row = stored(row)
    assert (row.status, row.not_before, row.attempts) == (model.lease.waiting, until, attempts)
    assert (row.claimed_by, row.claimed_until, row.crashes) == ("", None, 0)


def test_an_attempt_less_than_none_is_none(model):
    row = waiting(model)
    claim = take(row)
    model.objects.update(attempts=0)

    claim.put_back(until=timezone.now(), counts=False)

    assert stored(row).attempts == 0


def test_putting_back_twice_takes_one_attempt_away(model):
    """The answer to the first was lost with the connection, so it is written again."""
    row = waiting(model, attempts=2)
    claim = take(row)

    assert claim.put_back(until=timezone.now(), counts=False) == 1
    assert claim.put_back(until=timezone.now(), counts=False) == 0

    assert stored(row).attempts == 2


def test_one_row_of_a_claim_ends_and_the_others_are_kept():
    done, kept = waiting(WebhookDelivery), waiting(WebhookDelivery)
    claim = take(done, kept)

    assert claim.finish([done.pk], status="delivered", response_code=204) == 1

    done = stored(done)
    assert (done.status, done.response_code, done.claimed_by) == ("delivered", 204, "")
    assert list(claim.held()) == [kept]


def test_many_rows_end_each_in_its_own_way(django_assert_max_num_queries):
    rows = [waiting(WebhookDelivery, attempts=n) for n in range(4)]
    gone, later, free, lost = rows
    claim, until = take(gone, later, free, lost), timezone.now() + HOUR / 60
    WebhookDelivery.objects.filter(pk=lost.pk).update(claimed_by="elsewhere:1#x")

    with django_assert_max_num_queries(2):
        claim.settle(
            {
                gone.pk: {"status": "delivered", "error": "", "not_before": gone.not_before},
                later.pk: {"status": "pending", "error": "503", "not_before": until},
                free.pk: {"status": "pending", "error": "stopped", "not_before": free.not_before},
                lost.pk: {"status": "failed", "error": "too late", "not_before": lost.not_before},
            },
            not_counted={free.pk},
        )

    gone, later, free, lost = map(stored, rows)
    assert [(row.status, row.attempts, row.claimed_by) for row in (gone, later, free, lost)] == [
        ("delivered", 1, ""),
        ("pending", 2, ""),
        ("pending", 2, ""),
        ("pending", 4, "elsewhere:1#x"),
    ]
    assert (later.error, later.not_before) == ("503", until)
    assert (later.claimed_until, lost.error) == (None, "")
    assert list(WebhookDelivery.objects.due()) == [free]


def test_to_settle_nothing_costs_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        Claim.new(InboundEvent).settle({})


def test_every_step_of_a_claim_is_one_statement(model, django_assert_num_queries):
    row = waiting(model)
    claim, now = Claim.new(model), timezone.now()

    for step in (
        lambda: claim.take([row.pk], now=now),
        lambda: claim.renew(),
        lambda: claim.put_back([row.pk], until=now, counts=False),
        lambda: claim.take([row.pk], now=now),
        lambda: claim.finish([row.pk], status="failed"),
    ):
        with django_assert_num_queries(1):
            assert step() == 1


# --- processes that die ------------------------------------------------------------------------------


def test_what_a_dead_process_held_is_abandoned_at_once(model):
    row = waiting(model)
    claim = Claim(model, f"{dead_process()}#x")
    claim.take([row.pk], now=timezone.now())

    assert list(leases.abandoned(model, timezone.now())) == [(row, True)]


def test_what_a_living_process_holds_is_not_abandoned(model):
    for name in (this_process(), "elsewhere:1"):
        row = waiting(model)
        Claim(model, f"{name}#x").take([row.pk], now=timezone.now())
    waiting(model)  # and nobody holds this

    assert list(leases.abandoned(model, timezone.now())) == []


def test_what_a_process_of_another_machine_does_not_renew_is_abandoned(model):
    row = waiting(model)
    Claim(model, "elsewhere:1#x").take([row.pk], now=timezone.now())
    lapse(row)

    assert list(leases.abandoned(model, timezone.now())) == [(row, False)]


def test_a_crash_is_counted_once_whoever_notices_it(model):
    row = waiting(model)
    Claim(model, "elsewhere:1#x").take([row.pk], now=timezone.now())
    lapse(row)
    # Two processes look at the same moment.
    (found, _), (too, _) = [next(leases.abandoned(model, timezone.now())) for _ in range(2)]

    now = timezone.now()
    assert Claim.on(found).put_back([row.pk], until=now, counts=False, crashed=True) == 1
    assert Claim.on(too).put_back([row.pk], until=now, counts=False, crashed=True) == 0
    assert (stored(row).crashes, stored(row).attempts) == (1, 0)


def test_a_row_that_is_taken_over_has_crashed_once(keeping):
    row = waiting(keeping)
    take(row)
    lapse(row)
    first, second = Claim.new(keeping), Claim.new(keeping)

    assert first.take([row.pk], now=timezone.now()) == 0  # it is not free
    assert first.take_over([row.pk], now=timezone.now()) == 1
    assert second.take_over([row.pk], now=timezone.now()) == 0

    assert (stored(row).crashes, stored(row).attempts) == (1, 2)


def test_what_was_let_go_has_not_crashed(keeping):
    row = waiting(keeping)
    take(row).put_back(until=timezone.now())

    take(row)

    assert (stored(row).crashes, stored(row).attempts) == (0, 2)


# --- a clock that was set back -----------------------------------------------------------------------


def test_a_moment_to_wait_for_that_lies_too_far_ahead_has_come(model):
    longest = timezone.now() + model.lease.longest_wait
    far, near = waiting(model, not_before=longest + HOUR), waiting(model, not_before=longest - SECOND)

    assert list(model.objects.due()) == [far]
    assert list(take(far, near).held()) == [far]


def test_a_lease_from_before_is_over_where_a_row_is_taken_over(keeping):
    row = waiting(keeping)
    take(row, now=timezone.now() + HOUR)

    assert list(keeping.objects.due()) == [row]
    assert Claim.new(keeping).take_over([row.pk], now=timezone.now()) == 1


def test_a_lease_from_before_ends_as_one_that_begins_now(model):
    """Its process may live, so the row is not taken away."""
    row = waiting(model)
    Claim(model, "elsewhere:1#x").take([row.pk], now=timezone.now())
    model.objects.update(claimed_until=timezone.now() + HOUR + model.lease.length)

    assert list(leases.abandoned(model, timezone.now())) == []

    until = stored(row).claimed_until
    assert until <= timezone.now() + model.lease.length
    assert list(leases.abandoned(model, until)) == [(stored(row), False)]


def test_a_lease_that_was_renewed_meanwhile_is_not_cut_short(model):
    row = waiting(model)
    claim = take(row)
    model.objects.update(claimed_until=timezone.now() + HOUR + model.lease.length)
    looked_at = stored(row)
    claim.renew()
    renewed = stored(row).claimed_until

    leases._cut_short(looked_at, timezone.now() - SECOND)

    assert stored(row).claimed_until == renewed


# --- a database that goes away -----------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_claim_whose_answer_was_lost_is_given_back(model, monkeypatch):
    monkeypatch.setattr(database_outage, "FIRST_PAUSE", 0.01)
    row, claim = waiting(model), Claim.new(model)

    with (
        pytest.raises(OperationalError),
        leases.given_back_if_lost(lambda: claim.put_back(until=timezone.now(), counts=False)),
    ):
        claim.take([row.pk], now=timezone.now())
        raise OperationalError("server closed the connection unexpectedly")

    assert (stored(row).claimed_by, stored(row).attempts) == ("", 0)
    assert list(model.objects.due()) == [row]


@pytest.mark.django_db(transaction=True)
def test_a_claim_is_kept_where_the_database_was_asked_something_wrong(model):
    row, claim = waiting(model), Claim.new(model)
    give_back = partial(claim.put_back, until=timezone.now())

    with pytest.raises(IntegrityError), leases.given_back_if_lost(give_back):
        claim.take([row.pk], now=timezone.now())
        raise IntegrityError("duplicate key")

    assert list(claim.held()) == [row]


# --- waiting -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "seconds"), [(-3, 0), (0, 0), (1, 2), (2, 4), (4, 16), (5, 30), (6, 30), (5000, 30)]
)
def test_the_wait_grows_up_to_the_longest(times, seconds):
    assert leases.growing_wait(times, first=2.0, longest=30.0) == seconds
