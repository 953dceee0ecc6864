"""Links from the dashboard to the same object in Thinkific, for viewers who may open it there."""

import pytest
from django.urls import reverse

from core.models import Product
from tests.factories import EnrollmentFactory, ProductFactory

pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.fixture
def _real_site(settings):
    settings.THINKIFIC_API_URL, settings.THINKIFIC_SUBDOMAIN = "https://api.thinkific.com", "acme-academy"


def page_of(browser, row):
    url = reverse(f"admin:core_{row._meta.model_name}_change", args=[row.pk])
    return browser.get(url).content.decode()


@pytest.mark.usefixtures("_real_site")
def test_a_page_leads_to_the_thing_in_thinkific(alma, mara, ana, signed_in):
    ana.thinkific_id = 4711
    ana.save()

    assert "https://acme-academy.thinkific.com/manage/users/4711" in page_of(signed_in(alma), ana)
    assert "/manage/users/" not in page_of(signed_in(mara), ana)  # she has no account there


def test_with_the_stand_in_there_is_nothing_to_lead_to(alma, ana, signed_in, settings):
    settings.THINKIFIC_API_URL, settings.THINKIFIC_SUBDOMAIN = "http://127.0.0.1:9", "acme-academy"
    ana.thinkific_id = 4711
    ana.save()

    assert "/manage/users/" not in page_of(signed_in(alma), ana)


@pytest.mark.usefixtures("_real_site")
def test_a_students_courses_lead_to_where_they_learn(ana, signed_in):
    EnrollmentFactory(user=ana, product=ProductFactory(name="Fire Drill", slug="fire-drill"))
    pack = ProductFactory(name="Safety pack", slug="safety-pack", productable_type=Product.Type.BUNDLE)
    EnrollmentFactory(user=ana, product=pack)

    page = signed_in(ana).get(reverse("admin:index")).content.decode()

    assert "https://acme-academy.thinkific.com/courses/take/fire-drill" in page
    assert "https://acme-academy.thinkific.com/bundles/safety-pack" in page


@pytest.mark.usefixtures("_real_site")
def test_a_students_courses_lead_to_thinkific_for_who_looks_at_the_student(mara, ana, acme_seat, signed_in):
    product = acme_seat.product
    product.slug = "accounting-101"
    product.save()
    enrollment = EnrollmentFactory(user=ana, product=product, last_seat=acme_seat)

    url = reverse("admin:core_user_change", args=[ana.pk]) + "?tab=enrollments"
    page = signed_in(mara).get(url).content.decode()

    course = "https://acme-academy.thinkific.com/courses/accounting-101"
    assert f'href="{course}" target="_blank" rel="noopener' in page
    assert reverse("admin:core_enrollment_change", args=[enrollment.pk]) in page


@pytest.mark.usefixtures("_real_site")
def test_without_a_known_address_the_course_leads_to_the_enrollment_only(mara, ana, acme_seat, signed_in):
    enrollment = EnrollmentFactory(user=ana, product=acme_seat.product, last_seat=acme_seat)
    enrollment.product.slug = ""
    enrollment.product.save()

    url = reverse("admin:core_user_change", args=[ana.pk]) + "?tab=enrollments"
    page = signed_in(mara).get(url).content.decode()

    assert "acme-academy.thinkific.com/courses" not in page
    assert reverse("admin:core_enrollment_change", args=[enrollment.pk]) in page


def test_nobody_is_told_to_use_what_they_may_not(alma, mara, signed_in):
    url = reverse("admin:core_certificate_changelist")

    assert "open Tools" in signed_in(alma).get(url).content.decode().replace("Open", "open")
    assert "Tools" not in signed_in(mara).get(url).content.decode()
