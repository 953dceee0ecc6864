"""Names with accents stand among their letters, and small letters among the large ones."""

import pytest
from django.urls import reverse

from tests.factories import OrganizationFactory, TagFactory, TeamFactory, ThinkificGroupFactory

pytestmark = pytest.mark.django_db
NAMES = ["Aachen", "Élodie", "felix", "Zoë"]


@pytest.mark.parametrize(
    ("make", "name_column"),
    [
        (TeamFactory, "team_name"),
        (OrganizationFactory, "organization_name"),
        (TagFactory, "label"),
        (ThinkificGroupFactory, "title"),
    ],
)
def test_lists_of_names(signed_in, alma, make, name_column):
    made = {make(name=name).pk for name in reversed(NAMES)}
    model = make._meta.model
    address = reverse(f"admin:core_{model._meta.model_name}_changelist")

    browser = signed_in(alma)
    place = browser.get(address).context["cl"].list_display.index(name_column)

    for order, wanted in ((f"{place}", NAMES), (f"-{place}", NAMES[::-1])):
        rows = browser.get(f"{address}?o={order}").context["cl"].result_list
        assert [row.name for row in rows if row.pk in made] == wanted
    rows = browser.get(address).context["cl"].result_list
    assert [row.name for row in rows if row.pk in made] == NAMES
