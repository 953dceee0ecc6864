"""How migrations change older rows, called with the current models."""

from importlib import import_module

import pytest
from django.apps import apps

from core.models import Enrollment, Membership, Role, SiteSettings
from core.permissions import scope
from core.services.enrollments import enrollments
from core.services.history import signed
from tests.factories import (
    EnrollmentFactory,
    MembershipFactory,
    RoleFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db

belonging = import_module("core.migrations.0006_who_belongs_where")
deletion = import_module("core.migrations.0044_deletion_and_retention")


def found_by_email(user, team) -> Membership:
    membership = Membership(user=user, team=team, role=builtin_role("student"))
    signed(membership, by=None, reason=belonging.FOUND_BY_EMAIL).save()
    return membership


def test_who_is_in_one_team_has_it_as_home_and_who_was_found_by_email_has_none(mara, acme, globex):
    one = MembershipFactory(team=acme).user
    two = MembershipFactory(team=acme).user
    MembershipFactory(team=globex, user=two)
    found = UserFactory()
    guest = found_by_email(found, acme)
    moved = UserFactory()  # found, added to the other team, and taken out of the first
    MembershipFactory(team=acme, user=moved)
    found_by_email(moved, globex).delete()

    belonging.homes_and_guests(apps, None)

    homes = []
    for user in (one, two, found, moved):
        user.refresh_from_db()
        homes.append(user.home_team)
    guest.refresh_from_db()
    assert homes == [acme, None, None, None]
    assert guest.as_guest
    assert [scope.may_change_account(mara, user) for user in (one, two, found, moved)] == [
        True,
        False,
        False,
        False,
    ]


def test_an_enrollment_gets_the_seat_of_who_gave_it(mara, alma, ana, bo, acme_seat, accounting):
    for student, by in ((ana, mara), (bo, alma)):
        enrollments.enroll_unchecked(student=student, products=[accounting], by=by)
    bought = EnrollmentFactory(user=mara, product=accounting)

    belonging.givers(apps, None)

    seats = {e.user: e.last_seat for e in Enrollment.objects.all()}
    assert seats == {ana: acme_seat, bo: None, bought.user: None}


def test_owners_get_the_right_to_delete_students_and_own_roles_do_not(db):
    owner = builtin_role("owner")
    before = [code for code in owner.permissions if code != "students.delete"]
    Role.objects.filter(pk=owner.pk).update(permissions=before)
    own = RoleFactory(permissions=before)
    signed(owner, by=None, reason="renamed").save()  # so that it has a history
    Role.objects.filter(pk=owner.pk).update(permissions=before)

    for _ in range(2):
        deletion.give_owners_the_right(apps, None)

    owner.refresh_from_db()
    own.refresh_from_db()
    assert owner.permissions == [*before, "students.delete"]
    assert own.permissions == before
    latest = owner.history.latest()
    assert (latest.permissions, latest.history_change_reason) == (owner.permissions, deletion.REASON)
    deletion.take_it_away(apps, None)
    assert Role.objects.get(pk=owner.pk).permissions == before


@pytest.mark.parametrize(("stored", "then"), [(0, 365), (1, 1), (30, 30)])
def test_nothing_is_kept_for_no_day(db, stored, then):
    SiteSettings.load()
    SiteSettings.objects.update(retention_days=stored)

    deletion.keep_for_a_day_at_least(apps, None)

    assert SiteSettings.objects.get().retention_days == then
