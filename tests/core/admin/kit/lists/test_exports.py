"""The dialog Export above a list, and the file that it leads to."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.admin.kit.exports import dialog, views
from core.admin.kit.lists import lists
from core.models import ExportFile, ShownColumns, User
from tests.factories import CertificateFactory, EnrollmentFactory, ProductFactory, UserFactory

DIALOG = reverse("admin:core_enrollment_export")
FILE = reverse("admin:core_enrollment_export_file")
ASKED = {"file_format": "csv", "columns": ["email", "status"]}


def read(response) -> list[dict[str, str]]:
    assert response.streaming
    text = b"".join(response).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def office(root, signed_in):
    return signed_in(root)


@pytest.fixture
def small(monkeypatch):
    """Three rows are too many to be sent at once."""
    monkeypatch.setattr(dialog, "AT_ONCE", 2)
    monkeypatch.setattr(views, "AT_ONCE", 2)


def test_the_file_follows_filter_search_and_order(office):
    for name in ("b", "a"):
        EnrollmentFactory(
            user=UserFactory(email=f"{name}.wanted@people.example", first_name=name), expired=True
        )
    EnrollmentFactory(user=UserFactory(email="c.wanted@people.example"))
    EnrollmentFactory(expired=True)

    rows = read(office.get(FILE, {"status": "expired", "q": "wanted", "o": "1"}))

    assert [row["Email"] for row in rows] == ["a.wanted@people.example", "b.wanted@people.example"]
    assert rows[0]["Status"] == "expired"


def test_the_button_carries_the_filters(office):
    EnrollmentFactory()

    page = office.get(reverse("admin:core_enrollment_changelist"), {"status": "active"}).content.decode()

    assert f'href="{DIALOG}?status=active"' in page


def test_the_dialog_leads_to_the_file(office):
    wanted = EnrollmentFactory(expired=True)
    EnrollmentFactory()

    sent = office.post(f"{DIALOG}?status=expired", ASKED)

    assert sent.status_code == 302
    assert read(office.get(sent["Location"])) == [{"Email": wanted.user.email, "Status": "expired"}]


def test_over_a_page_the_dialog_closes_and_the_page_stays(office):
    EnrollmentFactory()

    sent = office.post(DIALOG, ASKED, headers={"HX-Request": "true"})

    assert sent["HX-Redirect"].startswith(FILE)
    assert sent["HX-Trigger"] == "dashboard:download"


def test_the_columns_that_are_seen_are_chosen(office, root):
    page = office.get(DIALOG)
    form = page.context["form"]
    seen = ["name", "email", "course", "status", "progress_percent", "activated", "expires", "origin"]

    assert form.fields["columns"].initial == [*seen, "via_bundle"]
    assert [key for key, _ in form.fields["columns"].choices][-2:] == [
        "last_changed_in_thinkific",
        "in_the_dashboard_since",
    ]

    users = reverse("admin:core_user_export")
    before = office.get(users).context["form"].fields["columns"].initial
    ShownColumns.objects.create(user=root, screen="core.user", columns=["status"])
    assert before == ["name", "email", "thinkific_id", "created_at"]
    assert office.get(users).context["form"].fields["columns"].initial == [*before, "status"]


def test_no_column_is_no_file(office):
    EnrollmentFactory()

    sent = office.post(DIALOG, {"file_format": "csv", "columns": []})

    assert "Choose at least one column." in sent.content.decode()


@pytest.mark.parametrize("asked", [{"file_format": "exe"}, {"q": "a\x00b"}, {"o": "99"}, {"p": "x"}])
def test_an_address_that_means_nothing_is_no_error(office, asked):
    EnrollmentFactory()

    assert office.get(FILE, asked).status_code in {200, 404}
    assert office.get(DIALOG, asked).status_code in {200, 404}


def test_columns_that_are_not_there_are_left_out(office):
    EnrollmentFactory()

    rows = read(office.get(FILE, {"file_columns": "password.email.user__password"}))

    assert [list(row) for row in rows] == [["Email"]]


def test_the_file_goes_on_where_the_pages_end(office, monkeypatch):
    monkeypatch.setattr(lists, "COUNTED", 5)
    EnrollmentFactory.create_batch(12)

    assert len(read(office.get(FILE))) == 12


def test_a_formula_in_a_name_is_defused(office):
    EnrollmentFactory(user=UserFactory(first_name="=cmd|' /C calc'!A0", last_name=""))
    CertificateFactory(product=ProductFactory(name="@SUM(1)"))

    assert read(office.get(FILE))[0]["Name"].startswith("'=")
    certificates = read(office.get(reverse("admin:core_certificate_export_file")))
    assert certificates[0]["Course"].startswith("'@")


@pytest.mark.parametrize("name", ["enrollment", "user", "certificate", "quizresult", "team", "seat"])
def test_the_number_of_queries_does_not_grow_with_the_file(office, name):
    address = reverse(f"admin:core_{name}_export_file")
    columns = office.get(reverse(f"admin:core_{name}_export")).context["form"].fields["columns"].choices
    asked = {"file_columns": ".".join(key for key, _ in columns)}

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(office.get(address, asked))
        return len(captured)

    EnrollmentFactory.create_batch(2)
    CertificateFactory.create_batch(2)
    few = count()
    EnrollmentFactory.create_batch(20)
    CertificateFactory.create_batch(20)

    assert count() == few


def test_a_large_file_is_made_in_the_background(office, root, small):
    EnrollmentFactory.create_batch(3)

    sent = office.post(f"{DIALOG}?o=1", ASKED, follow=True)

    assert "the file is being made" in sent.content.decode()
    file = ExportFile.objects.get()
    assert (file.created_by, file.kind, file.file_format) == (root, "enrollments", "csv")
    assert file.parameters == {"query": "o=1", "object": None, "columns": ["email", "status"], "chosen": ""}
    assert "made in the background" in office.get(DIALOG).content.decode()


def test_the_address_of_a_large_file_leads_to_the_dialog(office, small):
    EnrollmentFactory.create_batch(3)

    answer = office.get(FILE, {"status": "active", "file_format": "xlsx"})

    assert (answer.status_code, answer["Location"]) == (302, f"{DIALOG}?status=active")


def test_who_may_not_export_does_not(mara, acme, signed_in):
    role = mara.memberships.get().role
    role.permissions = [code for code in role.permissions if code != "reports.export"]
    role.save()
    client = signed_in(mara)

    assert client.get(FILE).status_code == 403
    assert client.get(DIALOG).status_code == 403
    assert client.post(DIALOG, ASKED).status_code == 403
    assert DIALOG not in client.get(reverse("admin:core_enrollment_changelist")).content.decode()


def test_chosen_rows_of_others_are_not_in_the_file(mara, ana, otto, acme, globex, signed_in):
    users = reverse("admin:core_user_export_file")

    rows = read(signed_in(mara).get(users, {"chosen": f"{ana.pk}.{otto.pk}.x.99999999999999999999"}))

    assert [row["Email"] for row in rows] == [ana.email]
    assert User.objects.filter(pk=otto.pk).exists()
