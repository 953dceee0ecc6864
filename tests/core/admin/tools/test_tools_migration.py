"""Tools, the tab Migration: Export everything, an upload, and the page of a migration."""

import csv
import html
import io
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from core.admin.exports import producing
from core.admin.kit.dialogs.dialog import url_of
from core.exports import carry_out
from core.migration import export, running
from core.models import ExportFile, Migration, Role, Team, User
from tests.core.migration.carrying import archive, checked
from tests.core.migration.examples import ANA, JOINED, OWEN, TEAM, limited
from tests.dialogs import shown_by
from tests.factories import TagFactory
from tests.project.pages.test_impersonation import begin

TAB = "admin:tools_migration"
GOOD = archive({"people": [OWEN, ANA], "teams": [TEAM], "memberships": [JOINED]})


def body(response) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def dialog_of(migration: Migration, slug: str) -> str:
    return url_of(Migration._meta, slug, migration.pk)


def page_of_dialog(client, migration: Migration, slug: str) -> str:
    return html.unescape(client.get(dialog_of(migration, slug)).content.decode())


def do(client, migration: Migration, slug: str) -> None:
    url = dialog_of(migration, slug)
    assert client.post(url, shown_by(client, url)).status_code == 302


def upload(client, content: bytes = GOOD, name: str = "old.zip"):
    return client.post(reverse(TAB), {"file": SimpleUploadedFile(name, content)})


def test_every_tab_of_the_tools_leads_to_it(alma, signed_in):
    client = signed_in(alma)

    for page in ("admin:tools", "admin:tools_teams", TAB):
        assert f'href="{reverse(TAB)}"' in client.get(reverse(page)).content.decode()


def test_it_is_for_administrators_who_may_use_the_tools(acme, owen, mara, ana, signed_in):
    addresses = [
        reverse(TAB),
        reverse("admin:export_everything", args=["csv"]),
        reverse("admin:migration_template"),
        reverse("admin:migration_ids", args=[1]),
        reverse("admin:migration_problems", args=[1]),
    ]
    for person in (owen, mara, ana, limited("tools.import")):
        client = signed_in(person)
        assert [client.get(address).status_code for address in addresses] == [403] * 5
        assert upload(client).status_code == 403
    assert not Migration.objects.exists()


@pytest.mark.parametrize("form", ["csv", "json"])
def test_everything_is_exported(alma, ana, form, signed_in):
    response = signed_in(alma).get(reverse("admin:export_everything", args=[form]))

    assert response["Content-Disposition"].startswith('attachment; filename="b2b-dashboard-')
    assert "no-store" in response["Cache-Control"]
    content = body(response)
    if form == "csv":
        content = zipfile.ZipFile(io.BytesIO(content)).read("people.csv")
    assert b"ana@acme.example" in content
    assert b"password" not in content


def test_much_is_exported_in_the_background(alma, ana, monkeypatch, signed_in):
    monkeypatch.setattr(export, "LARGE", 1)
    client = signed_in(alma)
    assert 'data-dialog="export-everything"' in client.get(reverse(TAB)).content.decode()
    assert client.get(reverse("admin:export_everything", args=["csv"])).url == reverse(TAB)

    client.post(reverse("admin:order_everything"), {"form": "csv"})
    carry_out.carry_out_due(producing.produce)

    file = ExportFile.objects.get()
    assert file.status == "succeeded"
    response = client.get(reverse("admin:core_exportfile_download", args=[file.pk]))
    assert response["Content-Type"] == "application/zip"
    packed = zipfile.ZipFile(io.BytesIO(body(response)))
    assert b"ana@acme.example" in packed.read("people.csv")
    assert alma.notices.get().text.startswith("Everything: the file is ready")


def test_a_file_in_the_background_needs_the_same_rights(ana, mara, signed_in):
    for person in (mara, limited("notes.view")):
        assert signed_in(person).post(reverse("admin:order_everything"), {"form": "csv"}).status_code == 403


def test_who_may_not_see_a_part_may_not_export_everything(db, signed_in):
    client = signed_in(limited("notes.view", "seats.view"))

    page = html.unescape(client.get(reverse(TAB)).content.decode())

    assert "you need these permissions too: View seats and View notes" in page
    assert client.get(reverse("admin:export_everything", args=["json"])).status_code == 403


def test_the_template_has_every_file_with_its_header(alma, signed_in):
    packed = zipfile.ZipFile(io.BytesIO(body(signed_in(alma).get(reverse("admin:migration_template")))))

    assert len(packed.namelist()) == 13
    assert packed.read("teams.csv").decode("utf-8-sig").startswith('"id","name","owner"')


def test_a_file_is_checked_applied_and_undone(alma, signed_in):
    client = signed_in(alma)
    response = upload(client)
    migration = Migration.objects.get()
    assert response.url == reverse("admin:core_migration_change", args=[migration.pk])
    running.run_due()
    page = client.get(response.url).content.decode()
    assert "What it would make" in page

    assert "4 things are made here." in page_of_dialog(client, migration, "apply")
    do(client, migration, "apply")
    running.run_due()
    assert Team.objects.filter(name="North").exists()
    assert "What was made" in client.get(response.url).content.decode()
    ids = body(client.get(reverse("admin:migration_ids", args=[migration.pk]))).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(ids)))
    ana = User.objects.get(email=ANA["email"])
    assert {"kind": "people", "their_id": "a", "our_id": str(ana.pk), "outcome": "made"} in rows

    do(client, migration, "preview-undo")
    running.run_due()
    assert "What can be undone" in client.get(response.url).content.decode()
    assert "4 things that this migration made are deleted." in page_of_dialog(client, migration, "undo")
    do(client, migration, "undo")
    running.run_due()
    assert not Team.objects.filter(name="North").exists()
    assert "What was undone" in client.get(response.url).content.decode()
    do(client, migration, "delete")
    assert not Migration.objects.exists()


@pytest.mark.parametrize(
    ("content", "says"), [(b"", "This file is empty."), (b"%PDF-1.4", "neither a ZIP archive of CSV files")]
)
def test_rubbish_is_refused_beside_the_field(alma, content, says, signed_in):
    response = upload(signed_in(alma), content)

    assert response.status_code == 422
    assert says in response.content.decode()
    assert not Migration.objects.exists()


def test_without_a_file_the_form_says_so(alma, signed_in):
    response = signed_in(alma).post(reverse(TAB), {})

    assert "Choose the file that the other dashboard has exported." in response.content.decode()


def test_problems_are_listed_with_file_and_line(alma, signed_in):
    TagFactory(name="vip")
    files = {"people": [{"id": "1", "email": "bad"}], "tags": [{"id": "1", "name": "VIP"}]}
    migration = checked(archive(files), by=alma)
    client = signed_in(alma)

    page = client.get(reverse("admin:core_migration_change", args=[migration.pk]), {"tab": "problems"})
    file = body(client.get(reverse("admin:migration_problems", args=[migration.pk]))).decode("utf-8-sig")

    assert "people.csv, line 2" in page.content.decode()
    assert "“bad” is not an e-mail address" in page.content.decode()
    assert "“bad” is not an e-mail address" in file


def test_another_administrator_is_told_why_they_cannot_apply(alma, root, signed_in):
    migration = checked(GOOD, by=alma)

    said = page_of_dialog(signed_in(root), migration, "apply")

    assert "Alma Admin checked this migration, and it is applied with their permissions" in said


def test_a_global_role_is_said_before_it_is_given(alma, signed_in):
    files = {"people": [ANA], "global_roles": [{"person": "a", "role": "administrator"}]}
    migration = checked(archive(files), by=alma)

    assert "1 person gets a global role." in page_of_dialog(signed_in(alma), migration, "apply")
    assert Role.objects.filter(code="administrator").exists()


def test_nothing_is_started_in_the_name_of_somebody_else(alma, root, signed_in):
    client = signed_in(root)
    begin(client, alma)

    response = upload(client)

    assert "You act as Alma Admin." in response.content.decode()
    assert not Migration.objects.exists()
