"""What Thinkific has from us is no change of its own, even if the worker died before it could note that."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.models import OutboxEntry, SiteSettings, User
from core.services import outbox, people
from core.services.accounts import email_changes
from core.services.outbox import claims
from core.services.outbox import outcomes as pushes
from integrations.models import SyncConflict
from integrations.thinkific.client.client import ThinkificClient
from integrations.thinkific.client.credentials import Credentials
from integrations.thinkific.push import outcomes
from tests.integrations.thinkific.runs.test_killed import wait_for

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[4]
WINNERS = SiteSettings.Winner.values


@pytest.fixture
def site(everything):
    return everything


@pytest.fixture
def person(site):
    return User.objects.get(thinkific_id=site.users.listing[5].id)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(claims, "SETTLED_AFTER", 0.0)


@pytest.fixture
def killed(thinkific, connected_environment, tmp_path):
    """`killed()` drains in another process, which is killed as soon as Thinkific has its request."""

    def drain_and_kill(arrived, method="PUT") -> None:
        fault = thinkific.faults.add("stall", method=method, path="/users", when="after", seconds=60)
        with (tmp_path / "drain.log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "drain"],
                cwd=ROOT,
                env=connected_environment,
                stdout=log,
                stderr=log,
            )
            try:
                assert wait_for(arrived, process), (tmp_path / "drain.log").read_text()[-2000:]
                time.sleep(0.1)
            finally:
                process.kill()
                process.wait()
        thinkific.faults.remove(fault.id)
        assert OutboxEntry.objects.get(status="in_flight").sent

    return drain_and_kill


def edit(person: User, field: str, value: str) -> None:
    if field == "email":
        email_changes.change_at_once(person, value, by=None, reason="a test")
    else:
        people.update_user(person, **{field: value})


OTHERS = {"last_name": ("Second", "Third"), "email": ("second@own.example", "third@own.example")}


@pytest.mark.slow
@pytest.mark.parametrize("winner", WINNERS)
@pytest.mark.parametrize("field", OTHERS)
@pytest.mark.parametrize("before", ["push", "pull"])
def test_a_worker_that_dies_after_sending_makes_no_conflict(
    site, person, push, pull, killed, winner, field, before
):
    SiteSettings.objects.update(conflict_winner=winner)
    second, third = OTHERS[field]
    number = person.thinkific_id
    edit(person, field, second)
    killed(lambda: getattr(site.users[number], field) == second)

    edit(person, field, third)
    if before == "pull":
        pull("users")
        person.refresh_from_db()
        assert getattr(person, field) == third
    push()

    assert getattr(site.users[number], field) == third
    pull("users")
    person.refresh_from_db()
    assert getattr(person, field) == third
    assert not SyncConflict.objects.exists()
    assert not OutboxEntry.objects.unsent().exists()
    assert second not in str(
        list(OutboxEntry.objects.filter(status="discarded").values_list("sent", flat=True))
    )


@pytest.mark.slow
@pytest.mark.parametrize("winner", WINNERS)
def test_two_deaths_in_a_row_with_an_edit_between_each(site, person, push, pull, killed, winner):
    SiteSettings.objects.update(conflict_winner=winner)
    number = person.thinkific_id
    for name in ("Second", "Third"):
        people.update_user(person, last_name=name)
        killed(lambda name=name: site.users[number].last_name == name)
        claims.free_abandoned()
    site.write("update_user", user_id=number, fields={"last_name": "Second"})  # a late answer of the first
    people.update_user(person, last_name="Fourth")

    pull("users")
    push()

    assert site.users[number].last_name == "Fourth"
    assert not SyncConflict.objects.exists()


@pytest.mark.slow
@pytest.mark.parametrize("winner", WINNERS)
def test_a_worker_that_dies_after_making_the_account_makes_no_conflict(site, push, pull, killed, winner):
    SiteSettings.objects.update(conflict_winner=winner)
    new = people.create_user(email="nia@own.example", first_name="Nia", last_name="First")
    killed(lambda: site.user_by_email("nia@own.example") is not None, method="POST")

    people.update_user(new, last_name="Second")
    pull("users")
    push()

    assert site.user_by_email("nia@own.example").last_name == "Second"
    assert User.objects.get(pk=new.pk).last_name == "Second"
    assert not SyncConflict.objects.exists()


@pytest.mark.parametrize("winner", WINNERS)
def test_what_thinkific_changed_itself_still_is_one(site, person, push, winner):
    SiteSettings.objects.update(conflict_winner=winner)
    people.update_user(person, last_name="Ours")
    site.write("update_user", user_id=person.thinkific_id, fields={"last_name": "Theirs"})

    push()

    assert SyncConflict.objects.get().theirs == "Theirs"
    kept = "Ours" if winner == SiteSettings.Winner.DASHBOARD else "Theirs"
    assert site.users[person.thinkific_id].last_name == kept


def test_what_was_sent_is_forgotten_when_it_is_confirmed(site, person, push):
    people.update_user(person, last_name="Ours")

    push()

    assert OutboxEntry.objects.get().status == "done"
    assert OutboxEntry.objects.get().sent == {}


def test_who_lost_the_claim_sends_nothing(site, person, thinkific):
    people.update_user(person, last_name="Ours")
    (entry,) = claims.claim(1)[0]
    OutboxEntry.objects.update(claimed_by="elsewhere:1#other")
    thinkific.reset_stats()

    assert outcomes.push(entry, ThinkificClient(Credentials.from_settings())).name == "retried"

    assert not thinkific.stats.writes
    assert OutboxEntry.objects.get().status == "in_flight"


def test_a_refused_change_hands_over_what_it_knew_to_the_newer_one(site, person, push):
    number, name = person.thinkific_id, person.last_name
    people.update_user(person, last_name="Second")
    (entry,) = claims.claim(1)[0]
    people.update_user(person, last_name="Third")  # while it is on its way
    pushes.fail(entry, "No.", now=entry.created_at)

    assert OutboxEntry.objects.get(status="pending").last_seen == {"last_name": name}
    push()
    assert site.users[number].last_name == "Third"
    assert not SyncConflict.objects.exists()
    assert outbox.retry(OutboxEntry.objects.all()) == 0
