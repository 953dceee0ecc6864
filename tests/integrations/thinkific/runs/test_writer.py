"""A step is committed while the next one is prepared. Each step stays atomic, whatever happens."""

import itertools
import threading
import time

import pytest
from django.db import connection
from django.utils import timezone

from core.models import Enrollment, User
from core.services.storage import bulk
from integrations.models import COUNTS, SyncRun
from integrations.thinkific.runs import fetch, writer
from integrations.thinkific.sandbox import Scale
from tests.factories import UserFactory
from tests.integrations.thinkific.pull.conftest import counts
from tests.integrations.thinkific.running import go_on

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="about PostgreSQL"),
]
SCALE = Scale(users=60, courses=6, builder_courses=0, bundles=0, groups=0)


@pytest.fixture(autouse=True)
def a_page_at_a_time(monkeypatch):
    monkeypatch.setattr(fetch, "PAGE_SIZE", 5)
    monkeypatch.setattr(fetch, "HELD", 1)


@pytest.fixture
def meanwhile(monkeypatch):
    """`meanwhile(n, work)` does the work just before the n-th prepared step is written; the first step is not
    written by the writer. Returns the list of threads that wrote."""
    wrote: list[str] = []
    planned: dict[int, object] = {}
    prepared = itertools.count(1)

    class Noting(bulk.Copy):
        def __init__(self, *args):
            super().__init__(*args)
            self.number = next(prepared)

        def run(self):
            wrote.append(threading.current_thread().name)
            planned.get(self.number, lambda: None)()
            super().run()

    monkeypatch.setattr(bulk, "Copy", Noting)

    def plan(number, work=lambda: None):
        planned[number] = work
        return wrote

    return plan


def elsewhere(work):
    """Run the work in another thread with its own connection, and commit it."""

    def carry():
        thread = threading.Thread(target=lambda: (work(), connection.close()))
        thread.start()
        thread.join()

    return carry


def is_whole(run, thinkific):
    """Returns whether all rows of Thinkific are stored and counted."""
    assert {user.thinkific_id for user in User.objects.all()} == {user.id for user in thinkific.site.users}
    return run.status == SyncRun.Status.SUCCEEDED and run.fetched == len(thinkific.site.users)


def test_new_rows_are_committed_by_a_thread_of_their_own(pull, thinkific, meanwhile):
    wrote = meanwhile(0)
    pull("products")
    wrote.clear()

    people, enrollments = pull("users"), pull("enrollments")

    assert is_whole(people, thinkific)
    assert counts(people) == {"fetched": 60, "created": 60}
    total = len(thinkific.site.enrollments)
    assert counts(enrollments) == {"fetched": total, "created": total}
    assert Enrollment.objects.filter(thinkific_id__isnull=False).count() == total
    # All but the first step of each list, which shows what the list is like.
    assert [name for name in wrote if not name.startswith("writer")] == ["MainThread"] * 2
    assert len(wrote) == people.pages_done + enrollments.pages_done
    assert counts(pull("users")) == {"fetched": 60, "unchanged": 60}


def test_a_step_that_reads_what_it_has_added_is_done_in_one_piece(pull, thinkific):
    run = pull("enrollments")  # before anybody is here: each page makes its students first

    total = len(thinkific.site.enrollments)
    assert counts(run) == {"fetched": total, "created": total}
    assert run.status == SyncRun.Status.SUCCEEDED


def test_what_somebody_else_stored_at_the_same_moment_is_met(pull, thinkific, meanwhile):
    theirs = thinkific.site.users.listing[12]  # on the third page
    meanwhile(3, elsewhere(lambda: UserFactory(email=theirs.email.lower(), thinkific_id=theirs.id)))

    run = pull("users")

    assert is_whole(run, thinkific)
    assert counts(run) == {"fetched": 60, "created": 59, "updated": 1}


def test_two_pages_with_one_address_are_one_account(pull, thinkific, meanwhile):
    wrote = meanwhile(0)
    first, second = thinkific.site.users.listing[11], thinkific.site.users.listing[16]
    thinkific.site.write("put", kind="users", row={"id": second.id, "email": first.email.upper()})

    run = pull("users")

    assert User.objects.filter(email_key=first.email.lower()).get().thinkific_id in (first.id, second.id)
    assert (run.fetched, run.created, run.failed) == (60, 59, 1)
    assert "already belongs to" in run.errors[0]["message"]
    assert sum(name.startswith("writer") for name in wrote) > 5


def lose():
    """Returns the database connection of the calling thread."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_a_step_that_is_done_again_does_not_end_the_list_that_the_next_one_ends(pull, meanwhile):
    meanwhile(11, lose)  # page 11 of 12; then both are written again, and the run is cancelled in between
    meanwhile(14, elsewhere(lambda: SyncRun.objects.update(cancel_requested_at=timezone.now())))

    run = pull("users")

    assert (run.status, run.created) == (SyncRun.Status.CANCELLED, 55)
    assert (run.cursor["users"]["page"], run.cursor["users"]["ended"]) == (11, False)


def test_a_lost_connection_costs_nothing(pull, thinkific, meanwhile):
    wrote = meanwhile(4, lose)

    run = pull("users")

    assert is_whole(run, thinkific)
    assert counts(run) == {"fetched": 60, "created": 60}
    assert wrote[-1].startswith("writer")  # back to it


def test_a_step_in_one_piece_waits_for_those_before_it(pull, thinkific, meanwhile):
    theirs = thinkific.site.users.listing[17]  # on the fourth page, which has more to do than to add
    UserFactory(email=theirs.email.lower(), thinkific_id=theirs.id)
    meanwhile(3, lambda: (time.sleep(0.5), lose()))

    run = pull("users")

    assert is_whole(run, thinkific)
    assert counts(run) == {"fetched": 60, "created": 59, "updated": 1}


def test_a_step_that_is_not_for_the_writer_waits_as_well(pull, thinkific, meanwhile):
    pull("users")
    fourth = [user.id for user in thinkific.site.users.listing[15:20]]
    User.objects.exclude(thinkific_id__in=fourth).delete()
    meanwhile(12 + 3, lambda: (time.sleep(0.5), lose()))

    run = pull("users", full=True)  # the fourth page brings nothing new, and the fifth is not for the writer

    assert is_whole(run, thinkific)
    assert counts(run) == {"fetched": 60, "created": 55, "unchanged": 5}


def test_a_step_that_waits_for_a_row_of_the_next_one_is_done_again(pull, thinkific, meanwhile, monkeypatch):
    monkeypatch.setattr(writer, "LOCK_TIMEOUT", "200ms")
    wrote = meanwhile(3, lambda: time.sleep(0.5))
    first, second = thinkific.site.users.listing[11], thinkific.site.users.listing[16]
    thinkific.site.write("put", kind="users", row={"id": second.id, "email": first.email.upper()})

    run = pull("users")

    assert (run.fetched, run.created, run.failed) == (60, 59, 1)
    assert run.created == User.objects.count()
    assert wrote[-1].startswith("writer")


def test_a_step_that_is_written_first_is_not_committed_first(pull, meanwhile):
    cancel = elsewhere(lambda: SyncRun.objects.update(cancel_requested_at=timezone.now()))
    meanwhile(5, lambda: (time.sleep(0.5), cancel()))

    run = pull("users")

    assert run.status == SyncRun.Status.CANCELLED
    assert run.created == User.objects.count() == run.cursor["users"]["page"] * 5 == 20


@pytest.mark.parametrize("step", [2, 5, 11])
def test_cancelled_meanwhile_what_was_committed_is_what_was_counted(pull, thinkific, meanwhile, step):
    meanwhile(step, elsewhere(lambda: SyncRun.objects.update(cancel_requested_at=timezone.now())))

    run = pull("users")

    assert run.status == SyncRun.Status.CANCELLED
    assert run.created == User.objects.count() == run.cursor["users"]["page"] * 5 < 60


def test_what_is_prepared_meanwhile_is_not_stored_with_the_step_before(pull, thinkific, meanwhile):
    meanwhile(5, lambda: time.sleep(0.3))  # time enough for the next one
    meanwhile(6, elsewhere(lambda: SyncRun.objects.update(cancel_requested_at=timezone.now())))

    run = pull("users")

    assert run.created == User.objects.count() == run.cursor["users"]["page"] * 5


def test_taken_over_meanwhile_nothing_more_is_written(pull, thinkific, meanwhile):
    meanwhile(5, elsewhere(lambda: SyncRun.objects.update(attempts=9)))

    run = pull("users")

    assert (run.status, run.attempts) == (SyncRun.Status.RUNNING, 9)
    assert run.created == User.objects.count() == run.cursor["users"]["page"] * 5


def test_left_when_the_time_is_up_it_goes_on_where_it_was(pull, thinkific):
    run = pull("users", seconds=0.0)
    slices = 1
    while run.status == SyncRun.Status.QUEUED:
        assert run.created == User.objects.count() == run.cursor["users"]["page"] * 5
        run, slices = go_on(run, seconds=0.0), slices + 1

    assert is_whole(run, thinkific)
    assert {name: getattr(run, name) for name in COUNTS} == {
        **dict.fromkeys(COUNTS, 0), "fetched": 60, "created": 60,
    }  # fmt: skip
    assert slices > 1


def test_a_failing_list_leaves_what_came_before(pull, thinkific):
    thinkific.faults.add("422", path="users.*page=6")

    run = pull("users")

    assert run.status in (SyncRun.Status.PARTIAL, SyncRun.Status.FAILED)
    assert run.created == User.objects.count() == run.cursor["users"]["page"] * 5 > 0
