"""Each kind sends as many parallel requests as the site allows; in order, limited, and none twice."""

from concurrent.futures import Future
from itertools import count
from types import SimpleNamespace

import pytest

from integrations.models import Kind, SyncRun
from integrations.thinkific.budget.priorities import Grant
from integrations.thinkific.runs.jobs import Ask, SideBySide
from integrations.thinkific.runs.threads import Threads
from integrations.thinkific.sandbox import Scale
from tests.integrations.thinkific.running import go_on

pytestmark = pytest.mark.django_db
AT_ONCE = 10
SCALE = Scale(
    users=60, courses=24, builder_courses=0, bundles=24, groups=24, bundle_holders=0.3,
    enrollments_per_user=2, quiz_results_per_user=0,
)  # fmt: skip


@pytest.fixture
def slow(thinkific, settings):
    """`slow()` makes the answers slow and allows ten requests at a time."""

    def begin(latency: float = 0.3) -> None:
        settings.THINKIFIC_CONCURRENCY = AT_ONCE
        thinkific.set_options(latency=latency, concurrency=AT_ONCE)
        thinkific.reset_stats()

    return begin


KINDS = {
    Kind.USERS: (),
    Kind.PRODUCTS: (),  # its list is one page: single objects, one for each bundle
    Kind.CONTENT: (Kind.PRODUCTS,),
    Kind.GROUPS: (Kind.USERS,),  # one page of members for each group
    Kind.ENROLLMENTS: (Kind.PRODUCTS, Kind.USERS),  # and one page of holders for each bundle
    Kind.CERTIFICATES: (Kind.PRODUCTS, Kind.USERS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_as_many_requests_are_under_way_as_the_site_allows(pull, thinkific, slow, monkeypatch, kind):
    for before in KINDS[kind]:
        pull(before)
    if kind == Kind.USERS:
        monkeypatch.setattr("integrations.thinkific.runs.fetch.PAGE_SIZE", 4)
    for latency in (0.3, 2.0):  # a busy machine may take a while to send the last of them
        slow(latency)
        run = pull(kind)
        assert run.status == "succeeded", run.errors
        if thinkific.stats.max_concurrent >= AT_ONCE - 3:
            break

    assert AT_ONCE - 3 <= thinkific.stats.max_concurrent <= AT_ONCE
    assert thinkific.limits.refused_concurrency == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [Kind.PRODUCTS, Kind.CONTENT, Kind.GROUPS, Kind.ENROLLMENTS, Kind.CERTIFICATES]
)
def test_a_run_in_many_slices_asks_for_nothing_twice(pull, pull_everything, asked, thinkific, kind):
    pull_everything()
    asked()
    pull(kind)
    at_a_time = asked()
    thinkific.set_options(latency=0.05)

    run = pull(kind, seconds=0.12)
    slices = 1
    while run.status == "queued":
        run = go_on(run, seconds=0.12)
        slices += 1

    assert (run.status, run.created, run.updated, run.removed) == ("succeeded", 0, 0, 0)
    assert slices > 1
    assert asked() == at_a_time


def test_a_list_that_fails_does_not_end_the_one_before_it(pull, thinkific):
    for kind in (Kind.PRODUCTS, Kind.USERS):
        pull(kind)
    gone = thinkific.site.bundles.listing[5]["id"]
    thinkific.site.bundles.remove(gone)

    run = pull(Kind.ENROLLMENTS)

    assert run.status == "partial"
    assert [error["message"] for error in run.errors] == [
        "Thinkific does not know this bundle; who holds it could not be read."
    ]
    assert SyncRun.objects.get(pk=run.pk).created > 0


# --- jobs without Thinkific ---------------------------------------------------------------------------


class Free:
    """Slots that grant every request at once."""

    want = 4

    def try_acquire(self, *, in_flight):
        return Grant(1, 0.0) if in_flight < self.want else 0.01

    def release(self):
        pass


@pytest.fixture
def threads():
    threads = Threads(Free())
    yield threads
    threads.close()


def test_results_come_in_the_order_of_the_jobs_and_few_are_begun_ahead(threads):
    gates = [Future() for _ in range(40)]
    begun, seen = count(), []

    def job(number):
        next(begun)
        [answer] = yield [Ask(gates[number].result)]
        return number, answer

    work = SideBySide(threads, (job(number) for number in range(40)))
    for number in range(3):
        gates[number].set_result("first")
    results = iter(work)
    seen = [next(results) for _ in range(3)]

    assert seen == [(0, "first"), (1, "first"), (2, "first")]
    assert next(begun) <= 3 + 2 * threads.size
    for gate in gates[3:]:
        gate.set_result("later")
    assert [number for number, _ in results] == list(range(3, 40))


def test_what_a_job_raises_comes_in_its_turn(threads):
    def job(number):
        [answer] = yield [Ask(lambda: 10 / (2 - number))]
        return answer

    results = iter(SideBySide(threads, (job(number) for number in range(5))))

    assert [next(results), next(results)] == [5, 10]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_job_may_ask_again_for_what_failed(threads):
    def job():
        try:
            yield [Ask(lambda: 1 / 0), Ask(lambda: 1)]
        except ZeroDivisionError:
            found = yield [Ask(lambda: 2), Ask(lambda: 3)]
        return found

    assert list(SideBySide(threads, [job()])) == [[2, 3]]


def test_no_job_begins_once_the_time_is_up(threads):
    over = SimpleNamespace(is_so=False)

    def job(number):
        yield [Ask(lambda: None)]
        over.is_so = over.is_so or number == 2
        return number

    found = list(SideBySide(threads, (job(number) for number in range(100)), is_due=lambda: over.is_so))

    assert found == list(range(len(found)))
    assert 3 <= len(found) <= 3 + 2 * threads.size
