"""A product's page."""

import pytest
from django.urls import reverse
from django.utils import timezone

from core.models import BundleItem, Product
from tests.factories import ProductFactory

pytestmark = pytest.mark.django_db


def test_a_course_taken_out_of_a_bundle_is_no_part_of_it(alma, signed_in):
    bundle = ProductFactory(productable_type=Product.Type.BUNDLE, name="Safety pack")
    inside = BundleItem.objects.create(bundle=bundle, course=ProductFactory(name="Fire Drill"), position=1)
    inside.course.removed_at = timezone.now()
    inside.course.save()
    out = ProductFactory(name="First Aid")
    BundleItem.objects.create(bundle=bundle, course=out, position=2, removed_at=timezone.now())

    url = reverse("admin:core_product_change", args=[bundle.pk])
    page = signed_in(alma).get(f"{url}?tab=contents").content.decode()

    assert "First Aid" not in page
    assert "Fire Drill" in page  # deleted in Thinkific, and still listed there
    assert "Removed" in page
