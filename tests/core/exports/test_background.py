"""Files that the worker makes: claimed, made once, told of, and begun again when a worker dies."""

import csv
import io
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError
from django.utils import timezone
from django_q.models import OrmQ

from core import acting
from core.admin.exports.producing import produce
from core.errors import NotInTheirName, Refusal
from core.exports import carry_out, files, sight
from core.exports.carry_out import Content
from core.models import ExportFile, ExportPiece, Membership, Notice
from core.services.leases import Claim
from tests.factories import EnrollmentFactory, ExportFileFactory, UserFactory

pytestmark = pytest.mark.django_db
Status = ExportFile.Status


def make(**options):
    return dict(carry_out.carry_out_due(produce, **options))


def rows_of(file: ExportFile) -> list[dict[str, str]]:
    file.refresh_from_db()
    text = b"".join(files.contents(file)).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def order(by, **parameters) -> ExportFile:
    return files.order(
        by=by, kind="enrollments", title="Enrollments", file_format="csv", parameters=parameters, rows=3
    )


def test_a_file_is_made_and_its_owner_told(alma, django_capture_on_commit_callbacks):
    EnrollmentFactory(user=UserFactory(email="ana@acme.example"))
    EnrollmentFactory(expired=True)
    with django_capture_on_commit_callbacks(execute=True):
        file = order(alma, query="status=active", columns=["email", "thinkific_id"])

    assert OrmQ.objects.count() == 1
    assert make() == {Status.SUCCEEDED: 1}

    assert [list(row) for row in rows_of(file)] == [["Email", "Thinkific ID"]]
    assert rows_of(file)[0]["Email"] == "ana@acme.example"
    assert (file.rows_total, file.rows_done, file.claimed_by) == (1, 1, "")
    assert file.size == sum(len(part) for part in files.contents(file)) > 0
    notice = Notice.objects.get(user=alma)
    assert notice.url == f"/admin/core/exportfile/{file.pk}/download/"
    assert notice.text.startswith("Enrollments: the file is ready (1 row, ")


def test_a_large_file_is_stored_in_pieces(alma, monkeypatch):
    monkeypatch.setattr(files, "PIECE", 100)
    EnrollmentFactory.create_batch(10)
    file = order(alma)
    make()

    pieces = list(ExportPiece.objects.filter(file=file).order_by("number"))
    assert len(pieces) > 5
    assert all(len(piece.content) == 100 for piece in pieces[:-1])
    assert len(rows_of(file)) == 10


def test_a_manager_gets_what_they_see_when_it_is_made(mara, acme, ana):
    EnrollmentFactory(user=ana)
    file = order(mara)
    Membership.objects.filter(user=mara).delete()

    assert make() == {Status.FAILED: 1}

    file.refresh_from_db()
    assert (file.status, file.outcome) == (Status.FAILED, carry_out.NOT_ALLOWED)
    assert not file.pieces.exists()
    assert Notice.objects.get(user=mara).level == "error"


def test_whose_account_is_off_gets_none(alma):
    file = order(alma)
    alma.is_active = False
    alma.save()

    assert make() == {Status.FAILED: 1}
    assert not file.pieces.exists()


def test_nobody_asks_for_one_in_the_name_of_another(alma, mara):
    act = acting.Acting(session_id=1, impersonator_id=alma.pk, impersonator="Alma", person="Mara")
    with acting.begun(act), pytest.raises(NotInTheirName):
        order(mara)


def test_one_person_has_a_few_under_way_at_most(alma, mara):
    for _ in range(files.MOST_WAITING):
        order(alma)

    with pytest.raises(Refusal, match="5 exports of yours"):
        order(alma)
    order(mara)


# --- killed workers ----------------------------------------------------------------------------------


def test_a_killed_workers_file_begins_again_and_ends_once(alma):
    EnrollmentFactory.create_batch(3)
    file = order(alma)
    taken = carry_out.claim()
    assert taken is not None and taken.pk == file.pk
    # What the killed worker has written, with the lease that nobody renews.
    ExportPiece.objects.create(file=file, attempt=taken.attempts, number=0, content=b"half a fi")
    ExportFile.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))

    assert make() == {Status.SUCCEEDED: 1}
    assert make() == {}

    assert len(rows_of(file)) == 3
    assert file.crashes == 1
    assert Notice.objects.filter(user=alma).count() == 1


def test_a_worker_that_lost_its_claim_changes_nothing(alma):
    EnrollmentFactory.create_batch(3)
    file = order(alma)

    def slow(asked, owner, tick):
        content = produce(asked, owner, tick)
        # Another worker takes over in the middle, and finishes.
        ExportFile.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
        assert make() == {Status.SUCCEEDED: 1}
        return content

    assert dict(carry_out.carry_out_due(slow)) == {"lost": 1}
    assert len(rows_of(file)) == 3
    assert file.made_in == 2
    assert Notice.objects.filter(user=alma).count() == 1


def test_what_kills_every_worker_is_given_up(alma):
    file = order(alma)
    for _ in range(carry_out.TRIES):
        assert carry_out.claim() is not None
        ExportFile.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
        carry_out.free_abandoned()

    file.refresh_from_db()
    assert (file.status, file.outcome) == (Status.FAILED, carry_out.UNEXPECTED)
    assert carry_out.claim() is None


def test_an_error_is_tried_again_and_then_told(alma, caplog):
    file = order(alma)

    def broken(asked, owner, tick):
        raise ValueError("boom")

    for _ in range(carry_out.TRIES):
        ExportFile.objects.update(not_before=timezone.now())
        results = dict(carry_out.carry_out_due(broken))

    assert results == {Status.FAILED: 1}
    file.refresh_from_db()
    assert file.outcome == carry_out.UNEXPECTED
    assert "boom" not in Notice.objects.get(user=alma).text


def test_an_unavailable_database_is_no_try(alma):
    file = order(alma)

    def unavailable(asked, owner, tick):
        raise InterfaceError("connection already closed")

    for _ in range(carry_out.TRIES + 1):
        ExportFile.objects.update(not_before=timezone.now())
        assert dict(carry_out.carry_out_due(unavailable)) == {"retried": 1}

    file.refresh_from_db()
    assert (file.status, file.attempts) == (Status.PENDING, 0)


def test_a_worker_that_stops_puts_the_file_back(alma):
    EnrollmentFactory.create_batch(3)
    file = order(alma)
    answers = iter([False, True])

    assert make(stop=lambda: next(answers, True)) == {"stopped": 1}
    file.refresh_from_db()
    assert (file.status, file.attempts, file.claimed_by) == (Status.PENDING, 0, "")
    assert make() == {Status.SUCCEEDED: 1}


def test_a_cancelled_file_is_made_no_further(alma):
    file = order(alma)

    def cancelled(asked, owner, tick):
        assert files.cancel(file)
        return Content(1, iter([b"x"]))

    assert dict(carry_out.carry_out_due(cancelled)) == {"lost": 1}
    file.refresh_from_db()
    assert file.status == Status.CANCELLED
    assert not file.pieces.exists()
    assert not Notice.objects.exists()


def test_a_few_are_made_at_once(alma):
    for _ in range(3):
        order(alma)

    assert [carry_out.claim() is not None for _ in range(3)] == [True, True, False]


def test_progress_is_told_while_it_is_made(alma, monkeypatch):
    monkeypatch.setattr(carry_out, "TOLD_EVERY", 0)
    file = order(alma)
    seen = []

    def parts(tick):
        for rows in (1, 2):
            tick(rows)
            seen.append(ExportFile.objects.get(pk=file.pk).rows_done)
            yield b"x"

    carry_out.carry_out_due(lambda asked, owner, tick: Content(2, parts(tick)))

    assert seen == [1, 2]


# --- what a person may still download ------------------------------------------------------------------


def test_rights_are_compared_with_those_of_then(alma, mara, owen, root, acme):
    everything, manager = sight.of(alma), sight.of(mara)

    assert sight.covers(sight.of(root), everything) and sight.covers(everything, manager)
    assert not sight.covers(manager, everything)
    assert not sight.covers(everything, sight.of(root))
    Membership.objects.filter(user=mara).delete()
    mara = type(mara).objects.get(pk=mara.pk)
    assert not sight.covers(sight.of(mara), manager)


# --- the end of a file ---------------------------------------------------------------------------------


def test_files_expire_and_the_row_says_so(alma):
    old, young = ExportFileFactory(created_by=alma, content=b"a"), ExportFileFactory(content=b"b")
    orphan = ExportFileFactory(content=b"c")
    ExportFile.objects.filter(pk=old.pk).update(expires_at=timezone.now())
    ExportFile.objects.filter(pk=orphan.pk).update(created_by=None)

    assert files.expire() == 2

    old.refresh_from_db()
    assert old.status == Status.EXPIRED
    assert "expired" in files.why_not(old, alma)
    assert list(ExportPiece.objects.values_list("file", flat=True)) == [young.pk]


def test_what_a_lost_worker_wrote_is_deleted(alma):
    file = ExportFileFactory(created_by=alma, status=Status.CANCELLED)
    ExportPiece.objects.create(file=file, attempt=1, number=0, content=b"x")

    files.expire()

    assert not ExportPiece.objects.exists()


def test_a_deleted_file_is_gone(alma):
    file = ExportFileFactory(created_by=alma, content=b"a")

    assert files.delete(file)
    assert not files.delete(file)

    file.refresh_from_db()
    assert file.status == Status.DELETED
    assert not file.pieces.exists()


def test_the_file_about_a_person_goes_with_the_person(alma):
    ana = UserFactory()
    ExportFileFactory(created_by=alma, person=ana, content=b"a")

    ana.delete()

    assert not ExportFile.objects.exists() and not ExportPiece.objects.exists()


def test_claims_are_those_of_leases(alma):
    file = order(alma)
    taken = carry_out.claim()

    assert taken is not None and taken.claimed_by
    assert Claim.on(taken).renew([file.pk]) == 1


def test_who_may_not_see_the_list_is_refused(ana, acme):
    with pytest.raises(PermissionDenied):
        produce(ExportFileFactory(created_by=ana), ana, lambda rows: None)
