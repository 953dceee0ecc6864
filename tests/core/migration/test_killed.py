"""A worker that is killed in the middle is taken over, and no row is applied twice."""

import io
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from django.utils import timezone

from core.migration import life, running
from core.models import Membership, Migration, OutboxEntry, Team, User
from tests.core.migration.carrying import archive, checked, counts, finished
from tests.factories import UserFactory

PEOPLE = 1700
KILLED_AT = ((2, "between"), (1, "within"), (2, "within"), (1, "between"))

# Carries out what waits, and is killed after so many pieces: between two, or within the transaction of one.
WORKER = textwrap.dedent(
    """
    import os, signal, sys
    import django
    django.setup()
    from core.migration import running, steps

    module, name = (running, "in_one") if sys.argv[2] == "between" else (steps, "_count")
    left, before = int(sys.argv[1]), getattr(module, name)

    def counted(*args):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return before(*args)

    setattr(module, name, counted)
    running.run_due()
    """
)


def work_until_killed(environment: dict[str, str], pieces: int, where: str = "between") -> None:
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(pieces), where], env=environment, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert running.WORK.free_abandoned() == 1
    Migration.objects.update(not_before=timezone.now())


def large() -> bytes:
    people = [{"id": str(n), "email": f"p{n}@new.example", "first_name": f"P{n}"} for n in range(PEOPLE)]
    teams = [{"id": str(n), "name": f"Team {n}", "owner": str(n)} for n in range(30)]
    joined = [{"team": str(n % 30), "person": str(n), "role": "student"} for n in range(30, PEOPLE)]
    return archive({"people": people, "teams": teams, "memberships": joined})


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_killed_workers_are_taken_over(process_environment):
    environment = process_environment | {"READ_DOT_ENV": "0", "PYTHONPATH": str(Path.cwd())}
    root = UserFactory(email="root@here.example", is_superuser=True)
    migration = checked(large(), by=root)
    total = counts(migration, "total")
    assert counts(migration, "new") == total

    life.apply(migration, by=root)
    for pieces, where in KILLED_AT:
        work_until_killed(environment, pieces, where)
    migration = finished(migration)

    assert migration.status == "applied"
    assert counts(migration, "made") == total
    assert migration.rows_done == sum(total.values())
    assert User.objects.filter(email__endswith="@new.example").count() == PEOPLE
    assert Team.objects.count() == 30
    assert Membership.objects.count() == PEOPLE
    assert User.history.filter(history_type="+").count() >= PEOPLE
    assert not OutboxEntry.objects.exists()

    life.preview(migration, by=root)
    migration = finished(migration)
    life.undo(migration, by=root)
    for pieces in (1, 3):
        work_until_killed(environment, pieces)
    migration = finished(migration)

    assert counts(migration, "undone") == total
    assert not User.objects.filter(email__endswith="@new.example").exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_check_that_is_killed_goes_on(process_environment):
    environment = process_environment | {"READ_DOT_ENV": "0", "PYTHONPATH": str(Path.cwd())}
    root = UserFactory(email="root@here.example", is_superuser=True)
    migration = life.upload(io.BytesIO(large()), name="old.zip", by=root)
    work_until_killed(environment, 1)

    migration = finished(migration)

    assert migration.status == "checked"
    assert counts(migration, "new") == {"people": PEOPLE, "teams": 30, "memberships": PEOPLE - 30}
    assert migration.rows.count() == migration.rows_total == migration.rows_done
