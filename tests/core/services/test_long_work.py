"""Work in steps on leased rows: what becomes of it when it fails."""

import pytest
from django.db import InterfaceError
from django.utils import timezone

from core.models import ImportBatch
from core.services import long_work
from core.services.long_work import LongWork
from tests.factories import ImportBatchFactory

pytestmark = pytest.mark.django_db
RUNNING, FAILED = ImportBatch.Status.RUNNING, ImportBatch.Status.FAILED


def results_of(error: Exception, times: int) -> list[dict[str, int]]:
    def fails(batch, claim, go_on):
        raise error

    def finish(batch, claim, *, why=""):
        claim.finish([batch.pk], status=FAILED, remark=why)
        return FAILED

    work = LongWork(ImportBatch, "IMPORTS_TASK", fails, finish, "It stopped.")
    found = []
    for _ in range(times):
        ImportBatch.objects.update(not_before=timezone.now())
        found.append(dict(work.run_due()))
    return found


def test_an_error_of_ours_is_tried_again_and_then_told():
    batch = ImportBatchFactory(status=RUNNING)

    found = results_of(ValueError("boom"), long_work.TRIES)

    assert found == [{"retried": 1}] * (long_work.TRIES - 1) + [{FAILED: 1}]
    batch.refresh_from_db()
    assert (batch.status, batch.remark) == (FAILED, "It stopped.")


@pytest.mark.parametrize("before", [0, long_work.TRIES])
def test_an_unavailable_database_is_no_try(before):
    batch = ImportBatchFactory(status=RUNNING, attempts=before)

    found = results_of(InterfaceError("connection already closed"), long_work.TRIES + 1)

    assert found == [{"retried": 1}] * (long_work.TRIES + 1)
    batch.refresh_from_db()
    assert (batch.status, batch.attempts) == (RUNNING, before)
