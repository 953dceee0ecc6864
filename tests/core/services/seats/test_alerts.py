"""Alerts about seats that become full. Owen owns Acme, Gwen owns Globex, Alma is an administrator."""

import pytest
from django.core import mail
from django_q.models import OrmQ

from core import tasks
from core.models import Notice, Role, Seat
from core.services import seats
from core.services.seats import alerts
from core.services.seats.room import NO_MORE, TAKES_MORE
from tests.factories import EnrollmentFactory, MembershipFactory, ProductFactory, SeatFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def pool(acme, accounting):
    return SeatFactory(name="Internal name", product=accounting, max_seats=20, teams=[acme])


def fill(seat, team, to):
    for _ in range(to - Seat.objects.get(pk=seat.pk).used_count):
        EnrollmentFactory(user=MembershipFactory(team=team).user, product=seat.product)


def told(person):
    return list(Notice.objects.filter(user=person).order_by("pk").values_list("text", flat=True))


def test_each_level_is_told_once_and_again_after_it_fell(pool, acme, owen, alma):
    for used, expected in ((14, 0), (15, 1), (17, 1), (18, 2), (19, 2), (20, 3), (21, 3)):
        fill(pool, acme, used)
        alerts.watch()
        assert len(told(owen)) == len(told(alma)) == expected, used

    seats.add_places(pool, 80)
    assert alerts.watch() == 0
    seats.update(pool, max_seats=21)
    assert alerts.watch() == 1
    assert len(told(owen)) == 4


def test_administrators_are_told_though_their_role_stores_no_permission(pool, acme, alma):
    Role.objects.filter(code="administrator").update(permissions=[])
    fill(pool, acme, 20)
    alerts.watch()

    assert len(told(alma)) == 1


def test_owners_read_the_names_of_their_teams_and_never_the_internal_one(
    pool, acme, owen, alma, gwen, globex
):
    fill(pool, acme, 20)
    seats.assign(pool, [globex])

    assert alerts.watch() == 1

    assert told(owen) == [f"Acme: Accounting 101 is full: 20 of 20 places used. {NO_MORE}"]
    assert told(gwen) == [f"Globex: Accounting 101 is full: 20 of 20 places used. {NO_MORE}"]
    assert told(alma) == [f"Internal name is full: 20 of 20 places used. {NO_MORE}"]


@pytest.mark.parametrize(
    ("soft", "used", "said"),
    [
        (False, 20, f"is full: 20 of 20 places used. {NO_MORE}"),
        (True, 20, f"is full: 20 of 20 places used. {TAKES_MORE}"),
        (False, 21, f"is over its maximum: 21 of 20 places used. {NO_MORE}"),
        (True, 21, f"is over its maximum: 21 of 20 places used. {TAKES_MORE}"),
    ],
)
def test_a_seat_that_is_full_or_over_says_whether_it_takes_more(pool, acme, owen, alma, soft, used, said):
    seats.update(pool, soft_limit=soft)
    fill(pool, acme, used)

    alerts.watch()
    tasks.send_seat_alert(owen.pk, [pool.pk])

    assert told(owen) == [f"Acme: Accounting 101 {said}"]
    [letter] = mail.outbox
    assert said in letter.body
    assert ("obody new" in letter.body) is not soft


def test_a_first_pull_that_fills_many_seats_sends_each_person_one_message(acme, owen, alma):
    made = [SeatFactory(product=ProductFactory(), max_seats=1, teams=[acme]) for _ in range(30)]
    person = MembershipFactory(team=acme).user
    for seat in made:
        EnrollmentFactory(user=person, product=seat.product, origin="thinkific")
    OrmQ.objects.all().delete()

    assert alerts.watch() == 30

    assert told(owen) == ["30 seats have few places left, or none."]
    assert OrmQ.objects.count() == 2
    tasks.send_seat_alert(owen.pk, [seat.pk for seat in made])
    [letter] = mail.outbox
    assert letter.to == [owen.email]
    assert letter.subject == "30 seats with few places left, or none"
    assert letter.body.count("is full: 1 of 1 places used.") == 20
    assert "and 10 more" in letter.body
    assert made[0].name not in letter.body


def test_unlimited_and_inactive_seats_tell_nobody(acme, owen, accounting):
    SeatFactory(product=accounting, unlimited=True, max_seats=None, teams=[acme])
    off = SeatFactory(product=ProductFactory(), max_seats=1, active=False, teams=[acme])
    for product in (accounting, off.product):
        EnrollmentFactory(user=MembershipFactory(team=acme).user, product=product)

    assert alerts.watch() == 0
    assert told(owen) == []


def test_an_owner_who_is_no_longer_one_gets_no_mail(pool, acme, owen, globex, gwen):
    fill(pool, acme, 20)

    tasks.send_seat_alert(gwen.pk, [pool.pk])

    assert mail.outbox == []
