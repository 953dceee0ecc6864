"""A person in two teams that both have a seat on the product: which team's seat gives the access. Ana is in
Acme, which was first, and in Globex; Mara manages both."""

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.urls import reverse

from core.models import Enrollment, Seat
from core.services import seats
from core.services.enrollments import seat_access
from tests.dialogs import send_confirmed
from tests.factories import EnrollmentFactory, MembershipFactory, ProductFactory, SeatFactory, builtin_role


@pytest.fixture
def both(mara, ana, globex, acme_seat, globex_seat):
    Seat.objects.update(max_seats=5)
    MembershipFactory(team=globex, user=ana)
    MembershipFactory(team=globex, user=mara, role=builtin_role("manager"))


def used(*all_seats):
    counted = seats.count_used(Seat.objects.all())
    return [counted.get(seat.pk, 0) for seat in all_seats]


def enroll_from(client, team, people, product, **values):
    address = f"{reverse('admin:core_team_change', args=[team.pk])}?tab=users"
    chosen = {"action": "add_enrollment", ACTION_CHECKBOX_NAME: [one.pk for one in people], "index": "0"}
    return send_confirmed(client, address, {**chosen, "started": "1", "products": [product.pk], **values})


@pytest.mark.parametrize("viewer", ["mara", "alma"])
@pytest.mark.parametrize("before", ["", "other", "full"])
def test_a_team_enrolls_through_its_own_seat(
    request, viewer, before, both, ana, bo, acme, globex, acme_seat, globex_seat, accounting, signed_in
):
    if before == "other":  # Ana's place is on both seats already
        seat_access.enroll(student=ana, products=[accounting], by=request.getfixturevalue("mara"))
    if before == "full":
        EnrollmentFactory(product=accounting, user=MembershipFactory(team=globex).user)
        Seat.objects.filter(pk=globex_seat.pk).update(max_seats=2)

    enroll_from(signed_in(request.getfixturevalue(viewer)), globex, [ana], accounting)

    assert Enrollment.objects.get(user=ana).last_seat == globex_seat
    assert used(acme_seat) == [1]  # it touches Acme's seat too


def test_a_full_seat_of_the_team_refuses_although_another_team_has_places(
    both, mara, ana, globex, globex_seat, accounting, signed_in
):
    Seat.objects.filter(pk=globex_seat.pk).update(max_seats=0)
    address = f"{reverse('admin:core_team_change', args=[globex.pk])}?tab=users"
    chosen = {"action": "add_enrollment", ACTION_CHECKBOX_NAME: [ana.pk], "index": "0", "started": "1"}

    page = signed_in(mara).post(address, chosen | {"products": [accounting.pk]}).content.decode()

    assert "Globex has no place left for Accounting 101" in page
    assert not ana.enrollments.exists()


def test_on_the_page_of_a_user_one_chooses_the_team(
    both, mara, ana, acme, globex, acme_seat, globex_seat, accounting, signed_in
):
    client, address = signed_in(mara), reverse("admin:core_user_do", args=[ana.pk, "enroll"])
    assert 'name="through"' in client.get(address).content.decode()

    said = client.post(address, {"products": [accounting.pk], "through": globex.pk}, follow=True)
    assert "through the seat of Globex" in said.content.decode()
    assert ana.enrollments.get().last_seat == globex_seat


def test_without_a_choice_the_message_says_which_seat_gave_it(both, mara, ana, accounting, signed_in):
    address = reverse("admin:core_user_do", args=[ana.pk, "enroll"])

    page = signed_in(mara).post(address, {"products": [accounting.pk]}, follow=True).content.decode()

    assert "through the seat of Acme" in page


def test_a_team_without_a_seat_on_the_product_is_refused(both, alma, ana, globex, acme, signed_in):
    course = ProductFactory(name="Only Acme")
    SeatFactory(product=course, teams=[acme])
    address = reverse("admin:core_user_do", args=[ana.pk, "enroll"])

    page = signed_in(alma).post(address, {"products": [course.pk], "through": globex.pk}).content.decode()

    assert "Globex has no seat on Only Acme" in page
    assert not ana.enrollments.exists()


def test_there_is_no_choice_where_there_is_one_team(mara, alma, bo, acme_seat, signed_in):
    for viewer in (mara, alma):
        page = signed_in(viewer).get(reverse("admin:core_user_do", args=[bo.pk, "enroll"])).content.decode()
        assert 'name="through"' not in page


def test_a_team_of_others_is_not_offered(mara, ana, globex, acme_seat, globex_seat, accounting, signed_in):
    MembershipFactory(team=globex, user=ana)  # Mara does not manage Globex
    address = reverse("admin:core_user_do", args=[ana.pk, "enroll"])

    page = signed_in(mara).get(address).content.decode()
    signed_in(mara).post(address, {"products": [accounting.pk], "through": globex.pk})

    assert "Globex" not in page
    assert ana.enrollments.get().last_seat.product == accounting
    assert ana.enrollments.get().last_seat != globex_seat
