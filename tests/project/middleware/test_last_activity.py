from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.models import User
from tests.project.pages.test_impersonation import begin

pytestmark = pytest.mark.django_db

HOME = "/admin/"


def active_at(user):
    return User.objects.values_list("last_activity_at", flat=True).get(pk=user.pk)


def was_active(user, before: timedelta):
    moment = timezone.now() - before
    User.objects.filter(pk=user.pk).update(last_activity_at=moment)
    return moment


def writes(window) -> int:
    with CaptureQueriesContext(connection) as queries:
        window.get(HOME)
    return len([q for q in queries if q["sql"].startswith("UPDATE") and "last_activity_at" in q["sql"]])


def test_the_first_request_is_stored_and_the_next_ones_are_not(mara, signed_in):
    window, recorded = signed_in(mara), User.history.count()
    User.objects.update(last_activity_at=None)

    assert [writes(window) for _ in range(3)] == [1, 0, 0]
    assert active_at(mara) is not None
    assert User.history.count() == recorded


@pytest.mark.parametrize(("minutes", "stored"), [(4, False), (6, True), (-60, True)])
def test_an_old_moment_is_replaced_and_one_of_a_clock_that_was_set_back(mara, signed_in, minutes, stored):
    window = signed_in(mara)
    before = was_active(mara, timedelta(minutes=minutes))

    window.get(HOME)

    assert (active_at(mara) != before) == stored


def test_an_open_page_that_asks_by_itself_is_no_activity(mara, signed_in):
    window = signed_in(mara)
    before = was_active(mara, timedelta(hours=1))

    assert window.get(reverse("admin:live")).status_code == 200

    assert active_at(mara) == before


def test_who_is_not_signed_in_is_nobody(client, mara):
    before = was_active(mara, timedelta(hours=1))

    client.get(HOME)

    assert active_at(mara) == before


def test_acting_as_somebody_is_not_their_activity(alma, mara, signed_in):
    window = signed_in(alma)
    begin(window, mara)
    before = was_active(mara, timedelta(hours=1))

    assert "You act as" in window.get(HOME).content.decode()

    assert active_at(mara) == before
