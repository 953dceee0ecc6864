"""Conflicts: both values are shown, and the other side can be taken, once."""

import pytest
from django.urls import reverse

from core.models import OutboxEntry, User
from integrations.models import SyncConflict
from tests.factories import SyncConflictFactory

LIST = reverse("admin:integrations_syncconflict_changelist")


def do(slug: str, conflict: SyncConflict) -> str:
    return reverse("admin:integrations_syncconflict_do", args=[conflict.pk, slug])


@pytest.fixture
def conflict(ana):
    User.objects.filter(pk=ana.pk).update(thinkific_id=5)
    return SyncConflictFactory(
        entity="user",
        object_id=ana.pk,
        label="ana@acme.example",
        field="first_name",
        ours="Ana",
        theirs="Anita",
        resolution="kept_ours",
    )


def test_both_values_stand_in_the_list_with_the_button_for_the_other(alma, signed_in, conflict):
    page = signed_in(alma).get(LIST).content.decode()

    assert "Anita" in page
    assert do("take-theirs", conflict) in page
    assert do("take-ours", conflict) not in page


def test_thinkifics_value_can_be_taken_once(alma, ana, signed_in, conflict):
    client = signed_in(alma)
    assert "replaces" in client.get(do("take-theirs", conflict)).content.decode()
    assert User.objects.get(pk=ana.pk).first_name == "Ana"

    client.post(do("take-theirs", conflict))
    again = client.post(do("take-theirs", conflict), follow=True).content.decode()

    assert User.objects.get(pk=ana.pk).first_name == "Anita"
    assert SyncConflict.objects.get().settled_by == alma
    assert "no longer needed" in again


def test_the_dashboards_value_can_be_taken_and_goes_to_thinkific(alma, ana, signed_in, conflict):
    User.objects.filter(pk=ana.pk).update(first_name="Anita")
    SyncConflict.objects.update(resolution="kept_theirs")

    page = signed_in(alma).post(do("take-ours", conflict), follow=True).content.decode()

    assert User.objects.get(pk=ana.pk).first_name == "Ana"
    assert OutboxEntry.objects.unsent().filter(entity="user", object_id=ana.pk).exists()
    assert "Thinkific is told in the background" in page


@pytest.mark.parametrize("who", ["mara", "ana"])
def test_teams_settle_nothing(request, signed_in, conflict, who):
    assert signed_in(request.getfixturevalue(who)).post(do("take-theirs", conflict)).status_code == 403
    assert SyncConflict.objects.get().settled_at is None
