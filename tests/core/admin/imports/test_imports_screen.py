"""Imports: the list, an import's page with its lines, its files, cancelling and undoing it."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from core.admin.imports.downloads import safe_name
from core.admin.users.dialogs.impersonate import Impersonate
from core.imports import batches
from core.models import ImportBatch, ImportFilePart, ImportRow, Notice, User
from tests.core.admin.imports.conftest import a_file
from tests.factories import ImportBatchFactory, ImportRowFactory, MembershipFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db
LIST = "/admin/core/importbatch/"
PEOPLE = "Name,Email,Team\nCarla Cruz,carla@new.example,Acme\nDan,dan@localhost,Acme\n"


def page_of(batch: ImportBatch) -> str:
    return f"{LIST}{batch.pk}/change/"


@pytest.fixture
def acting_as(signed_in, root):
    """A browser in which Root acts as this person."""

    def of(person: User) -> Client:
        browser = signed_in(root)
        address = reverse("admin:core_user_do", args=[person.pk, Impersonate.slug])
        asked = dict(browser.get(address).context["asked"])
        assert browser.post(address, {**asked, "reason": ""}).status_code == 302
        return browser

    return of


@pytest.fixture
def done(flow, owen, acme):
    """Owen's import, which has ended: one line created, one failed."""
    steps = flow(owen)
    steps.upload(PEOPLE)
    steps.start(steps.map("name", "email", "team"))
    return steps.carry_out()


def test_the_page_says_who_when_and_what(flow, owen, done):
    page = flow(owen).get(page_of(done))
    assert "Owen Owner" in page and "Partial" in page and "people.csv" in page
    assert "No e-mails are sent." in page and "Names and roles of existing people stay." in page
    assert f"{LIST}{done.pk}/file/" in page and "Download them to correct them" in page


def test_lines_are_filtered_by_outcome(flow, owen, done):
    steps = flow(owen)
    everything = steps.get(f"{page_of(done)}?tab=rows")
    carla = User.objects.get(email="carla@new.example")
    assert f'href="/admin/core/user/{carla.pk}/change/"' in everything
    failed = steps.get(f"{page_of(done)}?tab=rows&outcome=6")
    assert "dan@localhost" in failed and "carla@new.example" not in failed
    assert "Nothing matches" in steps.get(f"{page_of(done)}?tab=rows&outcome=99")


def test_a_person_out_of_sight_is_named_as_in_the_file_and_without_a_link(flow, owen, acme):
    hidden = UserFactory(email="hidden@elsewhere.example", first_name="Hidden")
    batch = ImportBatchFactory(created_by=owen, status="succeeded")
    ImportRowFactory(
        batch=batch,
        number=2,
        status="unchanged",
        values={"email": "HIDDEN@x.example"},
        done={"user": hidden.pk},
    )
    page = flow(owen).get(f"{page_of(batch)}?tab=rows")
    assert "HIDDEN@x.example" in page and f"/user/{hidden.pk}/" not in page and "Hidden" not in page


def test_a_manager_sees_their_own_imports_only(flow, owen, mara, root, acme, done):
    MembershipFactory(user=UserFactory(email="second@acme.example"), team=acme, role=builtin_role("owner"))
    second = flow(User.objects.get(email="second@acme.example"))
    assert "people.csv" not in second.get(LIST)
    for url in (f"{LIST}{done.pk}/file/", f"{LIST}{done.pk}/failures/", f"{LIST}{done.pk}/do/undo/"):
        assert second.client.get(url).status_code == 404
        assert flow(mara).client.get(url).status_code == 403  # she may import nothing
        assert flow(root).client.get(url).status_code == 200
    assert "people.csv" in flow(root).get(LIST)


def test_a_file_that_is_no_longer_kept(flow, owen, done):
    ImportFilePart.objects.all().delete()
    steps = flow(owen)
    page = steps.get(page_of(done))
    assert "The file is no longer kept." in page and f"{LIST}{done.pk}/file/" not in page
    assert "no longer kept" in steps.post(f"{LIST}{done.pk}/file/")
    assert "no longer kept" in steps.post(f"{LIST}{done.pk}/failures/")


def test_an_open_import_leads_to_its_review(flow, owen, root, acme):
    steps = flow(owen)
    steps.upload(PEOPLE)
    page = steps.get(page_of(steps.batch))
    review = f"/admin/imports/{steps.batch.pk}/review/"
    assert review in page
    assert review not in flow(root).get(page_of(steps.batch))
    steps.post(review)
    ImportFilePart.objects.all().delete()
    assert "Upload it again" in steps.post(review)


# --- cancel ----------------------------------------------------------------------------------------------


def test_a_running_import_shows_its_progress_and_is_cancelled(flow, owen, acme):
    steps = flow(owen)
    steps.upload(PEOPLE)
    steps.start(steps.map("name", "email", "team"))
    ImportBatch.objects.update(rows_done=1, claimed_by="a worker")
    page = steps.get(page_of(steps.batch))
    assert "1 of 2 lines done" in page and 'aria-valuenow="50"' in page and "data-active" in page
    url = f"{LIST}{steps.batch.pk}/do/cancel/"
    question = steps.get(url)
    page = steps.client.post(url, asked(question), follow=True).content.decode()
    assert "is cancelled" in page
    assert steps.batch.status == ImportBatch.Status.CANCELLED
    assert "does not run any more" in steps.client.get(url, follow=True).content.decode()


def asked(page: str) -> dict[str, str]:
    """Returns the hidden inputs of a dialog."""
    found = dict(re.findall(r'<input type="hidden" name="(asked|asked_of)" value="([^"]*)"', page, re.S))
    return {"asked": "", "asked_of": "", **found}


# --- undo ------------------------------------------------------------------------------------------------


def test_undo_says_what_goes_and_takes_it_back(flow, owen, done):
    steps = flow(owen)
    url = f"{LIST}{done.pk}/do/undo/"
    question = steps.get(url)
    assert "1 account" in question
    page = steps.client.post(url, asked(question), follow=True).content.decode()
    assert "is being undone" in page
    assert "Waits for a worker" in steps.get(page_of(done))
    batch = steps.carry_out()
    assert batch.status == ImportBatch.Status.UNDONE
    assert not User.objects.filter(email="carla@new.example").exists()
    assert Notice.objects.filter(user=owen, text__contains="is undone").exists()
    assert "is undone already" in steps.client.get(url, follow=True).content.decode()


def test_undo_says_what_stays(flow, owen, done):
    carla = User.objects.get(email="carla@new.example")
    carla.set_password("something-long")
    carla.save()
    page = flow(owen).get(f"{LIST}{done.pk}/do/undo/")
    assert "Nothing of it can be undone." in page and "has a password" in page
    assert "Undo the import</button>" not in page


def test_another_manager_cannot_undo_or_cancel(flow, owen, root, alma, done):
    assert flow(alma).client.get(f"{LIST}{done.pk}/do/undo/").status_code == 200  # an administrator may
    owen.memberships.update(overrides={"tools.csv": "deny"})
    assert flow(owen).client.get(f"{LIST}{done.pk}/do/undo/").status_code == 403


# --- while somebody acts as another ----------------------------------------------------------------------


def test_who_acts_as_another_starts_and_undoes_nothing(acting_as, owen, done, flow):
    browser: Client = acting_as(owen)
    page = browser.get("/admin/imports/new/").content.decode()
    assert "when the impersonation has ended" in page
    batch = batches.upload(a_file(PEOPLE), name="b.csv", by=owen)
    batches.validate(batch, mapping=batches.mapping_of(batch), options=batches.options_of(batch))
    review = browser.get(f"/admin/imports/{batch.pk}/review/").content.decode()
    assert "disabled>Import" in review
    browser.post(f"/admin/imports/{batch.pk}/start/", {"digest": batch.report["digest"]})
    batch.refresh_from_db()
    assert batch.status == ImportBatch.Status.VALIDATED
    page = browser.get(page_of(done)).content.decode()
    assert "/do/undo/" not in page


def test_safe_names():
    assert safe_name('a<b>"c"/../d\x00\u202e.csv') == "a-b-c-..-d-.csv"
    assert safe_name("...") == "file"
    assert len(safe_name("ä" * 1000 + ".csv")) == 150 and safe_name("ä" * 1000 + ".csv").endswith(".csv")


def test_pages_of_many_lines_take_few_queries(flow, owen, done, django_assert_max_num_queries):
    ImportRow.objects.bulk_create(
        ImportRow(
            batch=done,
            number=n,
            values={"email": f"p{n}@x.example"},
            status="created",
            done={"user": owen.pk},
        )
        for n in range(10, 90)
    )
    steps = flow(owen)
    with django_assert_max_num_queries(40):
        steps.get(f"{page_of(done)}?tab=rows")
