"""The screen of seats and its dialogs. Alma is an administrator, Owen owns Acme."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from core.models import Enrollment, Seat, SeatAssignment, SiteSettings
from core.services import seats
from core.services.seats import alerts
from tests.dialogs import send_confirmed
from tests.factories import EnrollmentFactory, MembershipFactory, ProductFactory, SeatFactory, TagFactory

pytestmark = pytest.mark.django_db
LIST = "/admin/core/seat/"


def do(slug, *keys, model="seat"):
    name = ("do_new", "do", "do_row")[len(keys)]
    return reverse(f"admin:core_{model}_{name}", args=[*keys[:1], slug, *keys[1:]])


def errors(response):
    return response.context["form"].errors


@pytest.fixture
def form(accounting):
    return {
        "name": "Night school",
        "product": accounting.pk,
        "max_seats": "12",
        "expiry_type": "days",
        "expiry_days": "90",
        "active": "on",
    }


def test_a_seat_is_added_with_all_its_fields(alma, form, signed_in):
    tag = TagFactory()
    day = timezone.localdate() + timedelta(days=50)
    more = {
        "expiry_type": "date",
        "expiry_date": str(day),
        "reusable": "on",
        "extendable": "on",
        "soft_limit": "on",
        "tags": [tag.pk],
        "description": "For the evening.",
    }

    signed_in(alma).post(do("add"), form | more)

    seat = Seat.objects.get()
    assert (seat.name, seat.max_seats, seat.expiry_date, seat.expiry_days) == ("Night school", 12, day, None)
    assert (seat.reusable, seat.extendable, seat.soft_limit, seat.active) == (True, True, True, True)
    assert list(seat.tags.all()) == [tag]
    assert seat.history.get().history_user == alma


def test_the_form_begins_with_the_defaults_of_the_settings(alma, signed_in):
    shown = signed_in(alma).get(do("add")).context["form"]

    assert {name: shown[name].value() for name in ("max_seats", "expiry_type", "expiry_days", "active")} == {
        "max_seats": 10,
        "expiry_type": "days",
        "expiry_days": 365,
        "active": True,
    }


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"max_seats": ""}, "max_seats"),
        ({"max_seats": "-1"}, "max_seats"),
        ({"max_seats": "99999999999999999999"}, "max_seats"),
        ({"expiry_days": ""}, "expiry_days"),
        ({"expiry_type": "date"}, "expiry_date"),
        ({"expiry_type": "date", "expiry_date": "9999-12-31"}, "expiry_date"),
        ({"expiry_type": "sometimes"}, "expiry_type"),
        ({"product": "999999"}, "product"),
        ({"name": ""}, "name"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(alma, form, signed_in, wrong, field):
    response = signed_in(alma).post(do("add"), form | wrong)

    assert field in errors(response) or (field == "expiry_date" and errors(response))
    assert not Seat.objects.exists()


def test_values_that_do_not_apply_are_ignored(alma, form, signed_in):
    signed_in(alma).post(do("add"), form | {"unlimited": "on", "max_seats": "5", "expiry_type": "never"})

    seat = Seat.objects.get()
    assert (seat.unlimited, seat.max_seats, seat.expiry_days) == (True, None, None)


def test_what_is_wrong_in_a_hidden_field_refuses_nothing(alma, form, signed_in):
    wrong = {"max_seats": "-1", "expiry_days": "many", "expiry_date": "never"}

    signed_in(alma).post(do("add"), form | wrong | {"unlimited": "on", "expiry_type": "never"})

    assert Seat.objects.get().max_seats is None


def test_fewer_places_than_people_are_asked_about_in_numbers(
    alma, acme, acme_seat, ana, bo, accounting, signed_in
):
    for person in (ana, bo):
        EnrollmentFactory(user=person, product=accounting)
    seats.update(acme_seat, max_seats=5)
    page = signed_in(alma).get(do("edit", acme_seat.pk)).context["form"]
    sent = {name: page[name].value() for name in page.fields if page[name].value() not in (None, False)}

    asked = signed_in(alma).post(do("edit", acme_seat.pk), sent | {"max_seats": "1"})
    assert "2 people use this seat, so 1 place is 1 too few." in asked.context["confirm"]
    send_confirmed(signed_in(alma), do("edit", acme_seat.pk), sent | {"max_seats": "1"})

    acme_seat.refresh_from_db()
    assert (acme_seat.max_seats, acme_seat.over) == (1, 1)


def test_a_used_seats_product_is_not_changed(alma, acme_seat, ana, accounting, signed_in):
    EnrollmentFactory(user=ana, product=accounting)
    page = signed_in(alma).get(do("edit", acme_seat.pk)).context["form"]
    sent = {name: page[name].value() for name in page.fields if page[name].value() not in (None, False)}

    refused = signed_in(alma).post(do("edit", acme_seat.pk), sent | {"product": ProductFactory().pk})

    assert "its product stays" in str(errors(refused)["product"])


def test_a_seat_is_assigned_shared_and_as_copies(alma, acme, globex, accounting, signed_in):
    seat = SeatFactory(name="Pool", product=accounting)
    client = signed_in(alma)

    client.post(do("assign", seat.pk), {"teams": [acme.pk], "mode": "shared"})
    second = client.post(do("assign", seat.pk), {"teams": [acme.pk, globex.pk], "mode": "template"})
    client.post(do("assign", seat.pk), {"teams": [globex.pk], "mode": "template"})

    assert "Acme has a seat on Accounting 101 already" in str(errors(second)["teams"])
    shared, copied = SeatAssignment.objects.order_by("pk")
    assert (shared.seat, shared.mode, shared.team) == (seat, "shared", acme)
    assert (copied.seat.source_template, copied.mode, copied.team) == (seat, "template", globex)


def test_withdrawing_and_moving_say_what_happens_to_people(
    alma, acme, ana, globex, acme_seat, accounting, signed_in
):
    EnrollmentFactory(user=ana, product=accounting)
    given, client = SeatAssignment.objects.get(), signed_in(alma)

    asked = client.get(do("withdraw", acme_seat.pk, given.pk)).content.decode()
    client.post(do("move", acme_seat.pk, given.pk), {"to": globex.pk})
    assert SeatAssignment.objects.get().team == globex
    client.post(do("withdraw-seat", globex.pk, given.pk, model="team"))

    assert "1 person of Acme uses it." in asked
    assert "1 place becomes free." in asked
    assert not SeatAssignment.objects.exists()
    assert Enrollment.objects.giving_access().exists()


def test_places_are_moved_and_added(alma, acme, globex, accounting, signed_in):
    seat = SeatFactory(product=accounting, max_seats=10, teams=[acme])
    given, client = SeatAssignment.objects.get(), signed_in(alma)

    client.post(do("move", seat.pk, given.pk), {"to": globex.pk, "places": "4"})
    client.post(do("add-places", seat.pk), {"places": "3"})
    refused = client.post(do("add-places", seat.pk), {"places": "0"})

    assert list(Seat.objects.order_by("pk").values_list("max_seats", flat=True)) == [9, 4]
    assert "Enter 1 or more." in str(errors(refused))


def test_a_seat_is_switched_off_and_on_counted_and_deleted(alma, accounting, signed_in):
    seat, client = SeatFactory(product=accounting, used_count=3), signed_in(alma)

    client.post(do("deactivate", seat.pk))
    assert not Seat.objects.get().active
    client.post(do("activate", seat.pk))
    assert Seat.objects.get().active
    page = client.post(do("recalculate", seat.pk), follow=True).content.decode()
    assert "The count was corrected: 0 of 10 used." in page
    client.post(do("delete", seat.pk))
    assert not Seat.objects.exists()


@pytest.mark.parametrize(
    "slug", ["add", "edit", "assign", "deactivate", "delete", "add-places", "recalculate"]
)
def test_a_role_in_a_team_never_changes_seats(owen, acme_seat, signed_in, form, slug):
    address = do(slug) if slug == "add" else do(slug, acme_seat.pk)

    assert signed_in(owen).post(address, form | {"places": 5, "teams": []}).status_code == 403
    assert Seat.objects.get().max_seats == 1


def test_internal_names_are_never_shown_to_team_users(owen, acme_seat, signed_in):
    seats.update(acme_seat, name="Secret deal", description="Secret discount")
    client = signed_in(owen)

    pages = [client.get(LIST), client.get(f"{LIST}{acme_seat.pk}/change/"), client.get(f"{LIST}?q=Secret")]

    for page in pages:
        assert "Secret d" not in page.content.decode()


@pytest.mark.parametrize(
    "query", ["places=over", "expiry=date", "state=inactive", "state=unassigned", "places=unlimited"]
)
def test_filters_find_what_they_say(alma, acme, ana, bo, acme_seat, accounting, signed_in, query):
    for person in (ana, bo):
        EnrollmentFactory(user=person, product=accounting)
    day = timezone.localdate()
    named = {
        "places=over": acme_seat,
        "expiry=date": SeatFactory(expiry_type="date", expiry_date=day, teams=[acme]),
        "state=inactive": SeatFactory(active=False, teams=[acme]),
        "state=unassigned": SeatFactory(),
        "places=unlimited": SeatFactory(unlimited=True, max_seats=None, teams=[acme]),
    }

    found = signed_in(alma).get(f"{LIST}?{query}").context["cl"].result_list

    assert list(found) == [named[query]]


def test_the_tab_of_a_product_adds_a_seat_on_it(alma, accounting, form, signed_in):
    del form["product"]

    signed_in(alma).post(do("add-seat", accounting.pk, model="product"), form)

    assert Seat.objects.get().product == accounting


def test_a_team_page_assigns_a_seat(alma, acme, accounting, signed_in):
    seat = SeatFactory(product=accounting)

    signed_in(alma).post(do("assign-seat", acme.pk, model="team"), {"seat": seat.pk, "mode": "shared"})

    assert SeatAssignment.objects.get().team == acme


def test_enrolling_on_a_full_seat_is_refused_beside_the_products(
    mara, alma, ana, bo, acme_seat, accounting, signed_in
):
    EnrollmentFactory(user=bo, product=accounting, last_seat=acme_seat)
    address = reverse("admin:core_user_do", args=[ana.pk, "enroll"])

    for viewer in (mara, alma):
        refused = signed_in(viewer).post(address, {"products": [accounting.pk], "last_day": ""})
        assert "Acme has no place left for Accounting 101 (1 of 1 used)" in str(errors(refused)["products"])
    assert "without_seat" not in signed_in(mara).get(address).context["form"].fields
    signed_in(mara).post(address, {"products": [accounting.pk], "last_day": "", "without_seat": "on"})
    assert not ana.enrollments.exists()
    signed_in(alma).post(address, {"products": [accounting.pk], "last_day": "", "without_seat": "on"})

    assert ana.enrollments.get().last_seat is None
    assert alerts.watch() == 1


def test_who_joins_a_team_with_a_seat_takes_a_place(acme, acme_seat, accounting):
    bought = EnrollmentFactory(product=accounting)
    MembershipFactory(team=acme, user=bought.user)

    assert Seat.objects.get().used_count == 1


def test_a_seat_whose_rule_has_changed_is_being_counted_until_the_next_minute(alma, acme_seat, signed_in):
    office, address = signed_in(alma), reverse("admin:core_seat_change", args=[acme_seat.pk])
    settings = SiteSettings.load()
    settings.bought_enrollments_take_places = not settings.bought_enrollments_take_places
    settings.save()

    page = office.get(address).content.decode()
    seats.let_pass()

    assert "Being counted" in page
    assert "Not yet" not in page
    assert "Being counted" not in office.get(address).content.decode()


def test_a_fixed_day_in_the_past_is_refused_beside_its_field(alma, form, signed_in):
    day = timezone.localdate() - timedelta(days=1)

    found = errors(signed_in(alma).post(do("add"), form | {"expiry_type": "date", "expiry_date": str(day)}))

    assert list(found) == ["expiry_date"] and "is in the past" in str(found)


def test_too_many_places_to_move_are_refused_beside_their_field(alma, acme, globex, acme_seat, signed_in):
    row = SeatAssignment.objects.get(team=acme)

    found = errors(
        signed_in(alma).post(do("move", acme_seat.pk, row.pk), {"to": globex.pk, "places": "9999"})
    )

    assert list(found) == ["places"] and "unused place" in str(found)


def test_the_picker_says_which_teams_and_seats_are_missing(alma, acme, globex, acme_seat, signed_in):
    SeatFactory()
    teams = signed_in(alma).get(do("assign", acme_seat.pk)).content.decode()
    one_team = signed_in(alma).get(do("assign-seat", acme.pk, model="team")).content.decode()

    assert "Teams that have a seat on this product already are not offered." in teams
    assert "Seats on products that the team has a seat on already are not offered." in one_team


def test_an_owner_is_told_why_a_product_may_be_missing(owen, ana, acme, acme_seat, signed_in):
    SeatFactory(teams=[acme], active=False)

    page = signed_in(owen).get(do("enroll", ana.pk, model="user")).content.decode()

    assert "Offered is what an active seat of a team that you both belong to gives" in page
