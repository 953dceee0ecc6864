"""People who are deleted here while the settings keep their Thinkific account: the next pull brings them
back, as strangers."""

import pytest
from django.core import mail

from core.models import Enrollment, Membership, Seat, SiteSettings, User
from core.services.accounts import deletions
from core.services.seats import counting
from tests.factories import MembershipFactory, SeatFactory, TeamFactory, builtin_role
from tests.integrations.thinkific.running import push_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(site):
    return Enrollment.objects.filter(via_bundle__isnull=True).order_by("pk").first().user


@pytest.mark.parametrize("role", ["student", "manager"])
def test_a_pull_brings_a_person_back_without_anything_of_before(site, person, pull, role):
    number, enrolled = person.thinkific_id, {e.id for e in site.enrollments_of[person.thinkific_id]}
    product = person.enrollments.filter(via_bundle__isnull=True).first().product
    team = TeamFactory()
    seat = SeatFactory(product=product, teams=[team], max_seats=5)
    MembershipFactory(team=team, user=person, role=builtin_role(role))
    SiteSettings.load()
    SiteSettings.objects.update(bought_enrollments_take_places=True)
    counting.recalculate()
    assert Seat.objects.get(pk=seat.pk).used_count == 1
    old = person.pk

    deletions.delete(person, confirmed=deletions.describe(person))
    assert Seat.objects.get(pk=seat.pk).used_count == 0
    push_all()
    pull("users")
    pull("enrollments")

    back = User.objects.get(thinkific_id=number)
    assert back.pk != old and number in site.users
    assert not Membership.objects.filter(user=back).exists()
    assert (back.home_team, back.global_role, back.is_dashboard_user, back.is_staff) == (
        None,
        None,
        False,
        False,
    )
    assert not back.has_usable_password() and not mail.outbox
    assert set(back.enrollments.values_list("thinkific_id", flat=True)) >= enrolled
    assert set(back.enrollments.values_list("origin", flat=True)) == {Enrollment.Origin.THINKIFIC}
    assert not back.enrollments.filter(last_seat__isnull=False).exists()
    assert Seat.objects.get(pk=seat.pk).used_count == 0
