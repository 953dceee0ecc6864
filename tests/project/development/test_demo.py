import re
from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from core.models import (
    Enrollment,
    GroupAssignment,
    Membership,
    OutboxEntry,
    Seat,
    Team,
    ThinkificGroup,
    User,
)
from core.services import seats
from integrations.models import SyncConflict
from project.development import demo

# tests/integrations/test_demo.py loads it into either database.
pytestmark = pytest.mark.once

RESERVED = re.compile(r"@([\w-]+\.)*(example|example\.(com|net|org))$")


@pytest.fixture(scope="module")
def demo_rows(django_db_setup, django_db_blocker):
    """The demo, loaded once for all tests here, each of which undoes what it did."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield demo.load()
        transaction.set_rollback(True)


@pytest.fixture
def loaded(demo_rows, db):
    return demo_rows


def test_teams_have_an_owner_managers_and_students(loaded):
    for team in Team.objects.all():
        assert Membership.objects.get(team=team, role__code="owner").user == team.owner
    students = Team.objects.filter(memberships__role__code="student").distinct()
    assert loaded.teams >= 12
    assert students.count() == loaded.teams - 1  # all but the course company's own
    assert not User.objects.unassigned().exists()


def test_seats_are_full_nearly_full_over_and_roomy(loaded):
    assert seats.recalculate() == 0
    limited = Seat.objects.filter(unlimited=False, used_count__gt=0)
    left = Counter(min(max(seat.max_seats - seat.used_count, -1), 2) for seat in limited)

    assert min(left[spare] for spare in (-1, 0, 1, 2)) >= 3
    assert Seat.objects.filter(unlimited=True).exists()
    assert Seat.objects.filter(active=False).exists()
    assert Seat.objects.filter(source_template__isnull=False).count() > 1


def test_people_are_in_every_state(loaded):
    statuses = Counter(Enrollment.objects.with_status().values_list("status_now", flat=True))

    assert set(statuses) == set(Enrollment.Status.values)
    month = timezone.now() + timedelta(days=30)
    assert Enrollment.objects.in_status("active").filter(expiry_date__lt=month).count() >= 5


def test_something_wants_attention(loaded):
    refused = OutboxEntry.objects.get(status="failed")

    assert Enrollment.objects.get(pk=refused.object_id).status == "failed"
    assert "answered 422" in refused.error
    assert OutboxEntry.objects.due().count() == 1
    assert SyncConflict.objects.get().settled_at is None


def test_groups_are_assigned_in_all_directions_one_in_two_at_once(loaded):
    given = GroupAssignment.objects.filter(group__name="Northfield Logistics")

    assert set(GroupAssignment.objects.values_list("direction", flat=True)) == {
        "disabled",
        "bidirectional",
        "dashboard_to_thinkific",
        "thinkific_to_dashboard",
    }
    assert {assignment.direction for assignment in given} == {
        "thinkific_to_dashboard",
        "dashboard_to_thinkific",
    }
    pending = ThinkificGroup.objects.with_pending().filter(is_pending=True)
    assert pending.count() == 1  # the one that Thinkific has not been told of


def test_dates_lead_up_to_the_day_of_loading(loaded):
    newest = Enrollment.objects.order_by("-created_at").first().created_at

    assert timedelta(0) < timezone.now() - newest < timedelta(days=2)


def test_the_accounts_sign_in(loaded, client):
    for part, email in demo.ACCOUNTS.items():
        assert client.login(request=HttpRequest(), username=email, password=demo.PASSWORD), part
    administrator, owner, manager, student = (User.objects.get(email=e) for e in demo.ACCOUNTS.values())
    assert administrator.sees_everything and not administrator.is_superuser
    assert owner.owned_teams.count() == 2
    assert manager.managed_teams().count() == 2
    assert student.enrollments.count() > 3 and not student.managed_teams().exists()


def test_nobody_else_has_a_password_and_all_addresses_are_reserved(loaded):
    for user in User.objects.all():
        assert user.has_usable_password() == (user.email in demo.ACCOUNTS.values())
        assert RESERVED.search(user.email), user.email


def test_loading_again_keeps_what_people_changed_but_repairs_the_passwords(loaded):
    team = Team.objects.get(name="Solvik Energi")
    Team.objects.filter(pk=team.pk).update(name="Solvik Kraft")
    User.objects.update(password="!")

    again = demo.load()

    team.refresh_from_db()
    assert (again.loaded, team.name) == (False, "Solvik Kraft")
    assert User.objects.get(email=demo.ACCOUNTS["student"]).check_password(demo.PASSWORD)


def test_a_real_site_refuses_even_the_passwords(loaded, settings):
    User.objects.update(password="!")
    settings.THINKIFIC_ACCESS_TOKEN = "a-token"

    with pytest.raises(demo.DemoRefused):
        demo.load()

    assert not User.objects.get(email=demo.ACCOUNTS["administrator"]).has_usable_password()


def test_new_rows_get_keys_of_their_own(loaded, acme):
    """The fixtures bring keys; PostgreSQL must not hand them out a second time."""
    assert acme.pk > loaded.teams
