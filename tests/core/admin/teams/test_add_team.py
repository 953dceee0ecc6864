"""Add Team: the owner, who may be new, and the seats that the team begins with."""

import pytest

from core.models import Membership, OutboxEntry, Seat, SeatAssignment, Team, User
from tests.factories import ProductFactory, RoleFactory, SeatFactory, UserFactory

ADD = "/admin/core/team/do/add/"


@pytest.fixture
def seat(db) -> Seat:
    return SeatFactory(name="Pool", product=ProductFactory(name="Course"), max_seats=10)


def test_seats_are_shared(alma, acme, ana, seat, signed_in):
    SeatAssignment.objects.create(team=acme, seat=seat, product=seat.product)
    signed_in(alma).post(ADD, {"name": "Night", "owner": ana.pk, "mode": "shared", "seats": [seat.pk]})

    given = SeatAssignment.objects.get(team__name="Night")
    assert (given.seat, given.mode) == (seat, "shared")


def test_seats_are_copied_and_the_copy_is_independent(alma, ana, seat, signed_in):
    signed_in(alma).post(ADD, {"name": "Night", "owner": ana.pk, "mode": "template", "seats": [seat.pk]})

    copy = SeatAssignment.objects.get(team__name="Night").seat
    assert copy != seat
    assert (copy.max_seats, copy.source_template) == (10, seat)
    Seat.objects.filter(pk=seat.pk).update(max_seats=99)
    copy.refresh_from_db()
    assert copy.max_seats == 10


def test_no_seats_is_the_default(alma, ana, seat, signed_in):
    signed_in(alma).post(ADD, {"name": "Night", "owner": ana.pk})

    assert Team.objects.filter(name="Night").exists()
    assert not SeatAssignment.objects.exists()


@pytest.mark.parametrize(
    ("mode", "chosen", "beside"), [("shared", 0, "seats"), ("none", 1, "mode"), ("other", 1, "mode")]
)
def test_the_choice_and_the_seats_must_agree(alma, ana, seat, signed_in, mode, chosen, beside):
    form = {"name": "Night", "owner": ana.pk, "mode": mode, "seats": [seat.pk][:chosen]}

    answer = signed_in(alma).post(ADD, form)

    assert beside in answer.context["form"].errors
    assert not Team.objects.filter(name="Night").exists()


def test_two_seats_on_one_product_are_refused_and_nothing_is_made(alma, ana, seat, signed_in):
    other = SeatFactory(name="Other pool", product=seat.product)
    form = {"name": "Night", "owner": ana.pk, "mode": "template", "seats": [seat.pk, other.pk]}

    answer = signed_in(alma).post(ADD, form)

    assert "a team has one seat per product" in str(answer.context["form"].errors["seats"])
    assert not Team.objects.filter(name="Night").exists()
    assert Seat.objects.count() == 2


def test_an_owner_who_has_no_account_yet_gets_one(alma, signed_in):
    form = {"name": "Night", "owner_email": "Nia@new.example", "owner_first_name": "Nia"}

    signed_in(alma).post(ADD, form)

    nia, team = User.objects.get(email="nia@new.example"), Team.objects.get()
    assert (team.owner, nia.home_team, nia.is_dashboard_user) == (nia, team, True)
    assert Membership.objects.get(user=nia).role.code == "owner"
    assert OutboxEntry.objects.filter(entity="user", object_id=nia.pk).exists()


@pytest.mark.parametrize(
    ("values", "beside"),
    [
        ({}, "owner"),
        ({"owner_email": "nia"}, "owner_email"),
        ({"owner_email": "ana@acme.example"}, "owner_email"),
        ({"owner": "ana", "owner_email": "nia@new.example"}, "owner_email"),
    ],
)
def test_bad_owners_are_answered_beside_the_field(alma, ana, signed_in, values, beside):
    values = {name: ana.pk if value == "ana" else value for name, value in values.items()}
    before = User.objects.count()

    answer = signed_in(alma).post(ADD, {"name": "Night"} | values)

    assert beside in answer.context["form"].errors
    assert User.objects.count() == before
    assert not Team.objects.filter(name="Night").exists()


@pytest.mark.parametrize(
    ("active", "says"),
    [
        (True, "Choose this person as owner above."),
        (False, "That account is switched off: switch it on first."),
    ],
)
def test_the_address_of_an_account_leads_to_choosing_it(alma, ana, signed_in, active, says):
    User.objects.filter(pk=ana.pk).update(is_active=active)

    answer = signed_in(alma).post(ADD, {"name": "Night", "owner_email": ana.email})

    (error,) = answer.context["form"].errors["owner_email"]
    assert error.startswith(f"Ana Ames has an account with {ana.email} already.")
    assert says in error
    assert "Use another" not in error


def test_a_name_that_is_taken_makes_no_owner_either(alma, acme, signed_in):
    answer = signed_in(alma).post(ADD, {"name": "ACME", "owner_email": "nia@new.example"})

    assert "name" in answer.context["form"].errors
    assert not User.objects.filter(email="nia@new.example").exists()


def test_who_may_not_assign_seats_or_make_people_is_not_offered_it(ana, seat, signed_in):
    role = RoleFactory(is_global=True, permissions=["teams.view", "teams.create"])
    client = signed_in(UserFactory(global_role=role))

    assert set(client.get(ADD).context["form"].fields) == {"name", "description", "owner", "organization"}
    client.post(ADD, {"name": "Night", "owner": ana.pk, "mode": "shared", "seats": [seat.pk]})
    assert Team.objects.filter(name="Night").exists()
    assert not SeatAssignment.objects.exists()
