"""Runs concern the whole site. People who have the permission only in a team cannot start one anywhere."""

import pytest
from django.urls import reverse
from django_q.models import OrmQ

from core.models import Direction, GroupAssignment, User
from core.permissions.codes import PERMISSIONS
from integrations.models import SyncRun
from tests.dialogs import send_confirmed
from tests.factories import (
    MembershipFactory,
    RoleFactory,
    SyncRunFactory,
    ThinkificGroupFactory,
    UserFactory,
)

pytestmark = pytest.mark.usefixtures("credentials")


@pytest.fixture
def everything_in_a_team(acme):
    """A role that holds every permission there is, in one team."""
    role = RoleFactory(name="Everything", permissions=sorted(PERMISSIONS))
    return MembershipFactory(team=acme, user=UserFactory(is_staff=True), role=role).user


@pytest.fixture
def group(acme):
    group = ThinkificGroupFactory(name="Interns")
    GroupAssignment.objects.create(group=group, team=acme, direction=Direction.BIDIRECTIONAL)
    return group


@pytest.fixture
def doors(ana, acme_seat, accounting, group) -> dict[str, str]:
    User.objects.filter(pk=ana.pk).update(thinkific_id=77)
    run = SyncRunFactory(status="failed", guarded=3)
    return {
        "Sync Products": reverse("admin:core_product_sync_products"),
        "Sync Product": reverse("admin:core_product_sync_product", args=[accounting.pk]),
        "Sync Groups": reverse("admin:core_thinkificgroup_sync_groups"),
        "Sync Now of a user": reverse("admin:core_user_do", args=[ana.pk, "sync-now"]),
        "Sync Now of a group": reverse("admin:core_thinkificgroup_do", args=[group.pk, "sync-now"]),
        "Tools": reverse("admin:tools_start", args=["sync-products"]),
        "Recalculate": reverse("admin:tools_start", args=["recalculate-seats"]),
        "Resume": reverse("admin:integrations_syncrun_resume", args=[run.pk]),
        "Confirm": reverse("admin:integrations_syncrun_confirm", args=[run.pk]),
        "Compare": reverse("admin:integrations_drift_compare"),
        "Repair": reverse("admin:integrations_drift_repair"),
        "Test connection": reverse("admin:test_connection"),
        "Register webhooks": reverse("admin:integrations_webhooksubscription_register"),
        "Reprocess": reverse("admin:integrations_inboundevent_reprocess_failed"),
        "Retry all": reverse("admin:core_outboxentry_do_new", args=["retry-failed"]),
    }


def test_a_role_of_one_team_starts_no_run(doors, everything_in_a_team, signed_in):
    browser = signed_in(everything_in_a_team)
    before = list(SyncRun.objects.values())

    answers = {
        name: browser.post(address, {"_form_submitted": "on"}).status_code for name, address in doors.items()
    }

    assert answers == dict.fromkeys(doors, 403)
    assert list(SyncRun.objects.values()) == before
    assert not OrmQ.objects.exists()


def test_an_administrator_starts_each_of_those_that_the_test_above_is_about(doors, alma, signed_in):
    browser = signed_in(alma)
    for name in ("Sync Products", "Sync Product", "Sync Groups", "Sync Now of a user", "Sync Now of a group"):
        SyncRun.objects.all().delete()

        browser.post(doors[name], {"_form_submitted": "on"})

        assert SyncRun.objects.filter(started_by=alma).exists(), name


def test_the_second_button_of_a_dialog_asks_too(doors, everything_in_a_team, signed_in, group):
    """Assign and sync now: assigning is about the team, syncing is not."""
    role = everything_in_a_team.memberships.get().role
    another = MembershipFactory(user=everything_in_a_team, role=role).team
    address = reverse("admin:core_thinkificgroup_do", args=[group.pk, "assign-team"])
    browser, form = signed_in(everything_in_a_team), {"team": another.pk, "direction": "bidirectional"}

    assert "sync now" not in browser.get(address).content.decode()
    assert browser.post(address, form | {"and_sync": "1"}).status_code == 403
    assert not GroupAssignment.objects.filter(team=another).exists()
    assert send_confirmed(browser, address, form).status_code == 302
    assert GroupAssignment.objects.filter(team=another, group=group).exists()
    assert SyncRun.objects.count() == 1


def test_buttons_follow(doors, everything_in_a_team, alma, signed_in, ana, accounting, group):
    pages = [
        reverse("admin:core_product_changelist"),
        reverse("admin:core_product_change", args=[accounting.pk]),
        reverse("admin:core_thinkificgroup_changelist"),
        reverse("admin:core_thinkificgroup_change", args=[group.pk]),
        reverse("admin:core_user_change", args=[ana.pk]),
        reverse("admin:index"),
    ]
    words = ("Sync Product", "Sync Groups", "Sync Now", reverse("admin:tools"))
    for page in pages:
        shown = signed_in(everything_in_a_team).get(page).content.decode()
        assert not [word for word in words if word in shown], page

    for page in pages:
        shown = signed_in(alma).get(page).content.decode()
        assert [word for word in words if word in shown], page
