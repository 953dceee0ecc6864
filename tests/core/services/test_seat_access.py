"""A team ends, shortens and extends only what its own seats gave. Ana studies at Acme, Otto at Globex."""

import pytest
from django.utils import timezone

from core.errors import Refusal
from core.models import Enrollment
from core.permissions import scope
from core.services.enrollments import enrollments, seat_access
from core.services.enrollments.seat_access import HeldOtherwise
from core.services.mirror.enrollments import apply_enrollments
from core.services.mirror.source import Source
from tests.factories import (
    BundleItemFactory,
    EnrollmentFactory,
    MembershipFactory,
    ProductFactory,
    RoleFactory,
    SeatFactory,
)

VERBS = ["enrollments.create", "enrollments.delete", "enrollments.extend"]


def may_change(viewer, student, code="enrollments.delete") -> list[Enrollment]:
    return list(scope.enrollments_where(viewer, student, code))


def test_what_a_manager_gives_their_seat_gave(mara, ana, acme_seat, accounting):
    [enrollment] = seat_access.enroll(student=ana, products=[accounting], by=mara)

    assert enrollment.last_seat == acme_seat
    assert may_change(mara, ana) == [enrollment]
    assert enrollment.history.latest().last_seat == acme_seat


def test_a_seat_gives_access_where_the_manager_may_enroll(
    mara, otto, acme_seat, globex, globex_seat, accounting
):
    role = RoleFactory(permissions=["teams.view", "enrollments.view"])
    MembershipFactory(team=globex, user=mara, role=role)

    with pytest.raises(Refusal, match="No team that you have in common"):
        seat_access.enroll(student=otto, products=[accounting], by=mara)
    assert not Enrollment.objects.exists()


def test_nobody_is_enrolled_through_the_seats_of_an_archived_team(mara, ana, acme, acme_seat, accounting):
    acme.archived_at = timezone.now()
    acme.save()

    with pytest.raises(Refusal, match="No team that you have in common"):
        seat_access.enroll(student=ana, products=[accounting], by=mara)


def test_a_bought_enrollment_is_seen_and_left_alone(mara, ana, acme_seat, accounting):
    bought = EnrollmentFactory(user=ana, product=accounting)

    assert bought in Enrollment.objects.visible_to(mara)
    assert may_change(mara, ana) == []
    assert "bought" in seat_access.giver(mara, bought)
    with pytest.raises(HeldOtherwise):
        seat_access.enroll(student=ana, products=[accounting], by=mara)


def test_what_another_teams_seat_gave_stays_as_it_is(
    mara, gwen, ana, acme_seat, globex_seat, globex, accounting
):
    MembershipFactory(team=globex, user=ana, as_guest=True)
    [enrollment] = seat_access.enroll(student=ana, products=[accounting], by=mara)

    assert may_change(gwen, ana) == []
    assert may_change(mara, ana) == [enrollment]
    with pytest.raises(HeldOtherwise, match="no seat of your teams"):
        seat_access.enroll(student=ana, products=[accounting], by=gwen)


def test_what_has_ended_may_be_given_again_by_any_team(
    mara, gwen, ana, acme_seat, globex_seat, globex, accounting
):
    MembershipFactory(team=globex, user=ana, as_guest=True)
    [enrollment] = seat_access.enroll(student=ana, products=[accounting], by=mara)
    enrollments.expire([enrollment], by=mara)

    [again] = seat_access.enroll(student=ana, products=[accounting], by=gwen)

    assert (again, again.last_seat) == (enrollment, globex_seat)
    assert may_change(mara, ana) == []


def test_what_an_administrator_gives_without_a_seat_no_seat_gave(alma, mara, ana, acme_seat, accounting):
    [enrollment] = seat_access.enroll(student=ana, products=[accounting], by=alma, without_seat=True)

    assert enrollment.last_seat is None
    assert may_change(mara, ana) == []
    assert may_change(alma, ana) == [enrollment]


def test_a_student_who_left_is_out_of_reach(mara, ana, acme_seat, accounting):
    seat_access.enroll(student=ana, products=[accounting], by=mara)
    ana.memberships.all().delete()

    assert may_change(mara, ana) == []
    with pytest.raises(Refusal, match="has a seat on"):
        seat_access.enroll(student=ana, products=[accounting], by=mara)


def remote(enrollment: Enrollment, **values) -> dict:
    """What Thinkific says of an enrollment, as a pull stores it."""
    fields = [
        "thinkific_id", "user_id", "product_id", "percentage_completed", "is_free_trial", "activated_at",
        "started_at", "completed_at", "expiry_date", "thinkific_created_at", "removed_at",
    ]  # fmt: skip
    row = {name: getattr(enrollment, name) for name in fields}
    return row | {"remote_updated_at": timezone.now(), "remote_digest": 1} | values


@pytest.mark.parametrize(("days", "kept"), [(None, False), (400, False), (30, True), (185, True)])
def test_access_that_thinkific_made_longer_is_the_seats_no_more(mara, ana, acme_seat, accounting, days, kept):
    enrollment = EnrollmentFactory(user=ana, product=accounting, last_seat=acme_seat)
    end = enrollment.activated_at + timezone.timedelta(days=180 + days) if days else None

    apply_enrollments([remote(enrollment, expiry_date=end)], source=Source("a test"))

    enrollment.refresh_from_db()
    assert (enrollment.last_seat == acme_seat) is kept
    assert bool(may_change(mara, ana)) is kept
    if not kept:
        assert enrollment.history.latest().last_seat is None


def test_a_bundle_that_a_team_does_not_know_is_not_named(mara, ana, acme_seat, accounting, signed_in):
    bundle = ProductFactory(bundle=True, name="Secret bundle")
    BundleItemFactory(bundle=bundle, course=accounting)
    held = EnrollmentFactory(user=ana, product=bundle)
    course = EnrollmentFactory(user=ana, product=accounting, via_bundle=held, last_seat=acme_seat)
    client = signed_in(mara)

    pages = [
        "/admin/core/enrollment/",
        f"/admin/core/enrollment/{course.pk}/change/",
        f"/admin/core/enrollment/{course.pk}/do/end-access/",
        f"/admin/core/user/{ana.pk}/change/?tab=enrollments",
    ]
    for page in pages:
        assert "Secret bundle" not in client.get(page).content.decode(), page
    SeatFactory(product=bundle, teams=[ana.memberships.get().team])
    assert "Secret bundle" in client.get(pages[1]).content.decode()
