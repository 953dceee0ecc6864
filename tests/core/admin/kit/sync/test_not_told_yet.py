"""Objects that are in Thinkific with an id that is unknown here are not called "Not in Thinkific"."""

import pytest
from django.urls import reverse

from core.models import Enrollment, Product
from tests.factories import CertificateFactory, EnrollmentFactory, ProductFactory


def page_of(client, obj) -> str:
    name = f"admin:core_{obj._meta.model_name}_change"
    return client.get(reverse(name, args=[obj.pk])).content.decode()


@pytest.fixture
def office(signed_in, alma):
    return signed_in(alma)


def test_a_certificate_that_came_by_a_webhook(office, ana, accounting):
    certificate = CertificateFactory(user=ana, product=accounting, thinkific_id=None)

    page = page_of(office, certificate)

    assert "Not in Thinkific" not in page
    assert "The next sync of certificates adds it." in page


def test_a_course_that_an_enrollment_has_named(office):
    course = ProductFactory(thinkific_id=None, source=Product.Source.ENROLLMENT)

    page = page_of(office, course)

    assert "Not in Thinkific" not in page
    assert "dashboard only" not in page
    assert "Not known yet" in page


def test_an_enrollment_in_a_bundle(office, ana):
    bundle = ProductFactory(productable_type=Product.Type.BUNDLE)
    held = EnrollmentFactory(user=ana, product=bundle, thinkific_id=None, origin=Enrollment.Origin.THINKIFIC)

    assert "Not in Thinkific" not in page_of(office, held)


def test_a_course_that_exists_here_only_is_still_said_to(office):
    assert "Not in Thinkific" in page_of(office, ProductFactory(thinkific_id=None))
