"""The age of each kind's data: only a pull of the kind resets it."""

import pytest

from core.services.site import sync_state
from tests.factories import SyncRunFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("users", {"user_id": 1}),
        ("products", {"product_id": 1}),
        ("groups", {"group_id": 1}),
        ("enrollments", {"direction": "dashboard_to_thinkific"}),
    ],
)
def test_a_single_object_or_sending_alone_makes_no_kind_fresh(kind, options):
    SyncRunFactory(kind=kind, status="succeeded", options=options)

    assert sync_state.states()[kind].last_success_at is None


@pytest.mark.parametrize("options", [{}, {"direction": "both"}, {"direction": "thinkific_to_dashboard"}])
def test_a_pull_of_the_kind_does(options):
    run = SyncRunFactory(kind="enrollments", status="succeeded", options=options)

    assert sync_state.states()["enrollments"].last_success_at == run.finished_at
