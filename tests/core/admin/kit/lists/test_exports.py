"""Export CSV: the rows that the list shows, streamed."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.admin.kit.lists import lists
from tests.factories import CertificateFactory, EnrollmentFactory, ProductFactory, UserFactory

EXPORT = reverse("admin:core_enrollment_export_csv")


def read(response) -> list[dict[str, str]]:
    assert response.streaming
    text = b"".join(response).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def office(root, signed_in):
    return signed_in(root)


def test_the_file_follows_filter_and_search(office):
    wanted = EnrollmentFactory(user=UserFactory(email="wanted@people.example"), expired=True)
    EnrollmentFactory(user=UserFactory(email="wanted.too@people.example"))
    EnrollmentFactory(expired=True)

    rows = read(office.get(EXPORT, {"status": "expired", "q": "wanted"}))

    assert [row["Email"] for row in rows] == [wanted.user.email]
    assert rows[0]["Status"] == "expired"


def test_the_button_carries_the_filters(office):
    EnrollmentFactory()

    page = office.get(reverse("admin:core_enrollment_changelist"), {"status": "active"}).content.decode()

    assert f'href="{EXPORT}?status=active"' in page


def test_the_file_goes_on_where_the_pages_end(office, monkeypatch):
    monkeypatch.setattr(lists, "COUNTED", 5)
    EnrollmentFactory.create_batch(12)

    assert len(read(office.get(EXPORT))) == 12


def test_a_formula_in_a_name_is_defused(office):
    EnrollmentFactory(user=UserFactory(first_name="=cmd|' /C calc'!A0", last_name=""))
    CertificateFactory(product=ProductFactory(name="@SUM(1)"))

    assert read(office.get(EXPORT))[0]["Name"].startswith("'=")
    certificates = read(office.get(reverse("admin:core_certificate_export_csv")))
    assert certificates[0]["Course"].startswith("'@")


def test_the_number_of_queries_does_not_grow_with_the_file(office):
    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            read(office.get(EXPORT))
        return len(captured)

    EnrollmentFactory.create_batch(2)
    few = count()
    EnrollmentFactory.create_batch(20)

    assert count() == few


def test_who_may_not_export_does_not(mara, acme, signed_in):
    role = mara.memberships.get().role
    role.permissions = [code for code in role.permissions if code != "reports.export"]
    role.save()
    client = signed_in(mara)

    assert client.get(EXPORT).status_code == 403
    assert "Export CSV" not in client.get(reverse("admin:core_enrollment_changelist")).content.decode()
