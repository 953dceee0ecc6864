""" "Last synced" is updated by every complete run, even if the run finds nothing new and writes no row."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from core.models import User
from tests.factories import (
    EnrollmentFactory,
    OutboxEntryFactory,
    ProductFactory,
    SyncRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
STORED = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LATER = STORED + timedelta(days=2)


def shown(browser, obj) -> str:
    """The moment that the line above the page names; nothing else on it may contradict it."""
    page = browser.get(reverse(f"admin:core_{obj._meta.model_name}_change", args=[obj.pk])).content.decode()
    line = page.split("Last synced: ", 1)[1].split("</span></time>", 1)[0]
    if "<time" not in line[:60]:
        return "never"
    moment = line.split('datetime="', 1)[1].split('"', 1)[0]
    if obj._meta.model_name != "enrollment":
        assert page.count(f'datetime="{moment}"') >= 2  # among the fields, too
    return moment


def ran(kind: str, at: datetime = LATER, **fields):
    fields = {"started_at": at, "finished_at": at + timedelta(minutes=5)} | fields
    return SyncRunFactory(kind=kind, **fields)


def user(**fields):
    return UserFactory(thinkific_id=4711, synced_at=STORED, **fields)


def product(**fields):
    return ProductFactory(synced_at=STORED, **fields)


def enrollment(**fields):
    return EnrollmentFactory(thinkific_id=5, created_at=STORED, origin="thinkific", **fields)


KINDS = {"users": user, "products": product, "enrollments": enrollment}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_found_nothing_new_counts(alma, signed_in, kind):
    obj, browser = KINDS[kind](), signed_in(alma)
    assert shown(browser, obj) == STORED.isoformat()

    ran(kind)

    assert shown(browser, obj) == (LATER + timedelta(minutes=5)).isoformat()


@pytest.mark.parametrize(
    "run",
    [
        {"status": "partial"},
        {"status": "failed"},
        {"status": "running"},
        {"options": {"user_id": 1}},
        {"kind": "groups"},
        {"started_at": STORED - timedelta(minutes=5)},  # it began before the row was there
    ],
)
def test_other_runs_do_not(alma, signed_in, run):
    obj = user()

    ran(**{"kind": "users"} | run)

    assert shown(signed_in(alma), obj) == STORED.isoformat()


def test_what_is_gone_or_never_read_is_not_synced_by_a_run(alma, signed_in):
    browser = signed_in(alma)
    gone, only_here = user(removed_at=STORED), UserFactory()
    by_enrollment, builder = product(source="enrollment"), product(source="graphql")

    ran("users"), ran("products")

    assert shown(browser, gone) == STORED.isoformat()
    assert shown(browser, only_here) == "never"
    assert [shown(browser, each) for each in (by_enrollment, builder)] == [STORED.isoformat()] * 2
    ran("products", cursor={"graphql": {"after": None, "done": True}})
    assert shown(browser, builder) != STORED.isoformat()


def test_what_was_made_here_was_last_synced_when_it_was_sent(alma, signed_in):
    made = UserFactory()
    entry = OutboxEntryFactory(object_id=made.pk, person=made, status="done", finished_at=LATER)
    User.objects.filter(pk=made.pk).update(thinkific_id=12)

    assert shown(signed_in(alma), made) == entry.finished_at.isoformat()


def test_two_real_pulls_move_it_and_the_second_writes_no_row(connected, alma, signed_in):
    from integrations.thinkific.kinds import carry_out
    from integrations.thinkific.runs import lifecycle

    def pull(kind: str):
        run, _ = lifecycle.open_run(kind)
        carry_out(lifecycle.claim(run.pk, worker="here"))
        run.refresh_from_db()
        return run

    for kind, model in (("users", User), ("products", type(ProductFactory.build()))):
        pull(kind)
        obj = model.objects.filter(thinkific_id__isnull=False, removed_at__isnull=True).last()
        second = pull(kind)

        assert model.objects.get(pk=obj.pk).synced_at == obj.synced_at
        assert shown(signed_in(alma), obj) == second.finished_at.isoformat()
