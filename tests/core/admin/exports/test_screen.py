"""The screen Exports: who sees which files, and who gets them."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from core.models import ExportFile, Membership
from tests.factories import ExportFileFactory

LIST = reverse("admin:core_exportfile_changelist")


def download(file: ExportFile) -> str:
    return reverse("admin:core_exportfile_download", args=[file.pk])


def page(file: ExportFile) -> str:
    return reverse("admin:core_exportfile_change", args=[file.pk])


@pytest.fixture
def own(alma):
    return ExportFileFactory(created_by=alma, title="Users of Acme", content=b"Name\r\nAna\r\n")


@pytest.fixture
def of_mara(mara, acme):
    return ExportFileFactory(created_by=mara, content=b"x")


def test_its_owner_downloads_a_file(alma, own, signed_in):
    client = signed_in(alma)
    answer = client.get(download(own))

    assert b"".join(answer) == b"Name\r\nAna\r\n"
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="users-of-acme-')
    assert int(answer["Content-Length"]) == own.size
    own.refresh_from_db()
    assert own.downloaded_at
    assert download(own) in client.get(LIST).content.decode()
    assert download(own) in client.get(page(own)).content.decode()


def test_administrators_see_all_files_and_download_their_own_only(alma, own, of_mara, signed_in):
    client = signed_in(alma)
    shown = client.get(LIST).content.decode()

    assert {own.pk, of_mara.pk} == set(client.get(LIST).context["cl"].keys)
    assert download(of_mara) not in shown
    answer = client.get(download(of_mara), follow=True)
    assert "downloaded only by the person who asked for it" in answer.content.decode()


def test_team_people_see_their_own_files_only(mara, own, of_mara, signed_in):
    client = signed_in(mara)

    assert client.get(LIST).context["cl"].keys == [of_mara.pk]
    assert client.get(download(own)).status_code == 404
    assert client.get(page(own)).status_code == 302
    assert b"".join(client.get(download(of_mara))) == b"x"


def test_who_sees_less_than_then_gets_no_file(mara, of_mara, acme, globex, signed_in):
    Membership.objects.filter(user=mara).update(team=globex)

    answer = signed_in(mara).get(download(of_mara), follow=True)

    assert "You may see less now" in answer.content.decode()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "has expired"),
        ({"status": "running"}, "not ready yet"),
        ({"status": "deleted"}, "was deleted"),
        ({"status": "failed", "outcome": "It broke."}, "could not be made"),
    ],
)
def test_a_file_that_is_not_there_says_why(alma, own, signed_in, values, said):
    ExportFile.objects.filter(pk=own.pk).update(**values)
    client = signed_in(alma)

    answer = client.get(download(own), follow=True)

    assert answer.redirect_chain
    assert said in answer.content.decode()


def test_nobody_gets_a_file_while_acting_as_its_owner(alma, mara, of_mara, signed_in):
    client = signed_in(alma)
    client.post(reverse("admin:core_user_do", args=[mara.pk, "impersonate"]), {"reason": "x"})
    assert "Leave Impersonation" in client.get("/admin/").content.decode()

    answer = client.get(download(of_mara), follow=True)

    assert "You act as" in answer.content.decode()
    delete = reverse("admin:core_exportfile_do", args=[of_mara.pk, "delete-file"])
    client.post(delete, {})
    of_mara.refresh_from_db()
    assert of_mara.status == "succeeded"


def test_a_file_is_deleted_by_its_owner_and_by_administrators(alma, mara, own, of_mara, signed_in):
    def delete(client, file: ExportFile) -> str:
        client.post(reverse("admin:core_exportfile_do", args=[file.pk, "delete-file"]), {})
        file.refresh_from_db()
        return file.status

    assert delete(signed_in(mara), own) == "succeeded"
    assert delete(signed_in(mara), of_mara) == "deleted"
    assert delete(signed_in(alma), own) == "deleted"
    assert not own.pieces.exists()


def test_a_file_that_is_being_made_is_cancelled(alma, signed_in):
    file = ExportFileFactory(created_by=alma, status="running", rows_total=10, rows_done=3)
    client = signed_in(alma)
    assert "3 of 10" in client.get(page(file)).content.decode()

    client.post(reverse("admin:core_exportfile_do", args=[file.pk, "cancel"]), {})

    file.refresh_from_db()
    assert file.status == "cancelled"


def test_without_the_right_there_is_no_screen(ana, acme, signed_in):
    assert signed_in(ana).get(LIST).status_code == 403
