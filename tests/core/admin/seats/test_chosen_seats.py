"""Seats chosen in the list: switched on and off, given to teams, counted; all or nothing."""

import pytest

from core.models import Seat, SeatAssignment
from core.services import seats
from tests.factories import EnrollmentFactory, ProductFactory, SeatFactory, TagFactory, TeamFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/core/seat/"


@pytest.fixture
def night(db) -> Seat:
    return SeatFactory(name="Night", product=ProductFactory(name="Welding"), max_seats=3)


def choose(client, action, chosen, **fields):
    """Choose the seats, read the question, and answer it."""
    form = {"action": action, "index": "0", "_selected_action": [seat.pk for seat in chosen]}
    page = client.post(LIST, form)
    assert page.status_code == 200, page.headers
    asked = dict(page.context["asked"])
    return page.content.decode(), client.post(LIST, form | asked | {"started": "1"} | fields, follow=True)


def test_several_are_switched_off_and_on(alma, acme_seat, night, signed_in):
    seats.update(night, active=False)
    client = signed_in(alma)

    question, answer = choose(client, "deactivate_chosen", [acme_seat, night])

    assert "2 seats." in question
    assert "1 of them is inactive already." in question
    assert f"{acme_seat}: 0 of 1 used." in question
    assert "1 seat is inactive now." in answer.content.decode()
    assert not Seat.objects.filter(active=True).exists()
    assert acme_seat.history.first().history_user == alma

    _, answer = choose(client, "activate_chosen", [acme_seat, night])
    assert "2 seats are active now." in answer.content.decode()
    assert not Seat.objects.filter(active=False).exists()


@pytest.mark.parametrize("mode", ["shared", "template"])
def test_several_are_given_to_teams(alma, acme_seat, night, signed_in, mode):
    north, south = TeamFactory(name="North"), TeamFactory(name="South")

    choose(
        signed_in(alma),
        "assign_chosen",
        [acme_seat, night],
        teams=[north.pk, south.pk],
        mode=mode,
    )

    given = SeatAssignment.objects.filter(team__in=[north, south])
    assert given.count() == 4
    shared = given.filter(seat__in=[acme_seat, night]).count()
    assert shared == (4 if mode == "shared" else 0)


def test_when_one_cannot_be_given_none_is(alma, acme, acme_seat, night, signed_in):
    other = SeatFactory(name="Other", product=acme_seat.product)

    _, answer = choose(signed_in(alma), "assign_chosen", [night, other], teams=[acme.pk], mode="shared")

    assert "Acme has a seat on Accounting 101 already" in answer.content.decode()
    assert not SeatAssignment.objects.filter(seat__in=[night, other]).exists()


def test_two_seats_on_one_product_are_not_given_to_one_team(alma, acme_seat, globex_seat, signed_in):
    team = TeamFactory()

    both = [acme_seat, globex_seat]
    _, answer = choose(signed_in(alma), "assign_chosen", both, teams=[team.pk], mode="shared")

    assert "a team has one seat per product. Choose one" in answer.content.decode()
    assert not SeatAssignment.objects.filter(team=team).exists()


def test_each_gets_more_places_and_unlimited_ones_stay(alma, acme_seat, night, signed_in):
    free = SeatFactory(name="Free", unlimited=True, max_seats=None)

    question, answer = choose(signed_in(alma), "add_places_chosen", [acme_seat, night, free], places="5")

    assert "1 of them is unlimited and stays so." in question
    assert "2 seats have 5 more places." in answer.content.decode()
    assert [Seat.objects.get(pk=s.pk).max_seats for s in (acme_seat, night, free)] == [6, 8, None]


def test_only_the_chosen_are_counted_again(alma, ana, acme_seat, night, globex_seat, signed_in):
    EnrollmentFactory(user=ana, product=acme_seat.product)
    Seat.objects.update(used_count=7)

    _, answer = choose(signed_in(alma), "recalculate_chosen", [acme_seat, night])

    assert "2 counts were corrected." in answer.content.decode()
    counts = dict(Seat.objects.values_list("pk", "used_count"))
    assert counts == {acme_seat.pk: 1, night.pk: 0, globex_seat.pk: 7}


def test_a_seat_that_changed_meanwhile_is_shown_again(alma, acme_seat, night, signed_in):
    client = signed_in(alma)
    form = {"action": "deactivate_chosen", "index": "0", "_selected_action": [acme_seat.pk, night.pk]}
    asked = dict(client.post(LIST, form).context["asked"])
    seats.add_places(night, 4)

    answer = client.post(LIST, form | asked | {"started": "1"}).content.decode()

    assert "This has changed since you opened it. Nothing was done." in answer
    assert Seat.objects.filter(active=True).count() == 2


@pytest.mark.parametrize("who", ["owen", "mara"])
def test_a_role_in_a_team_gives_none_of_them(request, acme_seat, signed_in, who):
    client = signed_in(request.getfixturevalue(who))

    assert "Deactivate" not in client.get(LIST).content.decode()
    form = {"action": "deactivate_chosen", "index": "0", "_selected_action": [acme_seat.pk], "started": "1"}
    client.post(LIST, form)
    acme_seat.refresh_from_db()
    assert acme_seat.active


# --- tags -----------------------------------------------------------------------------------------------


def test_seats_are_found_by_their_tags_by_those_who_see_them(alma, owen, acme_seat, night, signed_in):
    tag = TagFactory(name="Evening")
    seats.update(night, tags=[tag])

    found = signed_in(alma).get(f"{LIST}?tag={tag.pk}").context["cl"].queryset
    assert list(found) == [night]
    assert "tag" not in {f.parameter_name for f in signed_in(owen).get(LIST).context["cl"].filter_specs}
