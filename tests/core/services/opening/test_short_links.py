"""Short links: who makes and revokes them, whom they lead where, and guessing codes."""

import re

import pytest
from django.utils import timezone

from core.errors import Refusal
from core.models import ShortLink
from core.services.opening import short_links
from tests.factories import (
    EnrollmentFactory,
    ProductFactory,
    SeatFactory,
    ShortLinkFactory,
    TeamFactory,
    UserFactory,
)


def test_codes_are_random_and_readable(acme, mara):
    links = [short_links.make(team=acme, by=mara) for _ in range(5)]

    assert len({link.code for link in links}) == 5
    assert all(re.fullmatch(r"[a-z2-9]{12}", link.code) for link in links)
    assert not set("".join(link.code for link in links)) & set("il01o")


@pytest.mark.parametrize(
    ("who", "may"), [("mara", True), ("owen", True), ("alma", True), ("ana", False), ("gwen", False)]
)
def test_who_makes_a_link_of_a_team(request, acme, globex, who, may):
    viewer = request.getfixturevalue(who)

    assert short_links.may_make(viewer, acme) is may
    if not may:
        with pytest.raises(Refusal, match="cannot make"):
            short_links.make(team=acme, by=viewer)


@pytest.mark.parametrize(("who", "may"), [("alma", True), ("mara", False), ("owen", False)])
def test_a_products_links_are_made_by_administrators_only(request, acme_seat, accounting, who, may):
    assert short_links.may_make(request.getfixturevalue(who), accounting) is may


def test_an_archived_team_gets_no_link_and_its_links_do_not_work(acme, mara, ana):
    link = short_links.make(team=acme, by=mara)
    assert short_links.find(link.code.upper(), user=ana) == link
    acme.archived_at = timezone.now()
    acme.save(update_fields=["archived_at"])

    assert short_links.find(link.code, user=ana) is None
    with pytest.raises(Refusal, match="archived"):
        short_links.make(team=acme, by=mara)


def test_a_revoked_link_leads_nowhere_for_good(acme, mara, ana):
    link = short_links.make(team=acme, by=mara, label="Poster")
    short_links.revoke(link, by=mara)

    assert short_links.find(link.code, user=ana) is None
    rows = ShortLink.history.order_by("history_id")
    assert [row.history_change_reason for row in rows] == ["short link made", "revoked"]


def test_a_removed_product_is_led_to_no_more(accounting, alma, ana):
    link = short_links.make(product=accounting, by=alma)
    accounting.removed_at = timezone.now()
    accounting.save(update_fields=["removed_at"])

    assert short_links.find(link.code, user=ana) is None
    with pytest.raises(Refusal, match="removed"):
        short_links.make(product=accounting, by=alma)


def test_there_is_a_most_of_links(acme, mara, monkeypatch):
    monkeypatch.setattr(short_links, "MOST", 1)
    first = short_links.make(team=acme, by=mara)
    with pytest.raises(Refusal, match="Revoke one"):
        short_links.make(team=acme, by=mara)

    short_links.revoke(first, by=mara)
    assert short_links.make(team=acme, by=mara)


def test_codes_cannot_be_guessed_for_long(acme, ana, monkeypatch):
    monkeypatch.setattr(short_links, "WRONG_CODES", 2)
    assert short_links.find("no-such-code", user=ana) is None
    assert short_links.find("\x00" * 40, user=ana) is None

    with pytest.raises(short_links.TooManyTries):
        short_links.find("nor-this-one", user=ana)


def test_a_teams_link_is_for_its_members_and_those_who_see_it(acme, globex, ana, mara, otto, gwen, alma):
    link = ShortLinkFactory(team=acme)

    may = {user.first_name: short_links.may_follow(user, link) for user in (ana, mara, otto, gwen, alma)}
    assert may == {"Ana": True, "Mara": True, "Otto": False, "Gwen": False, "Alma": True}


def test_a_products_link_is_for_the_enrolled_and_those_who_see_it(
    accounting, acme_seat, ana, bo, mara, gwen, alma
):
    link = ShortLinkFactory(team=None, product=accounting)
    EnrollmentFactory(user=ana, product=accounting)

    may = {user.first_name: short_links.may_follow(user, link) for user in (ana, bo, mara, gwen, alma)}
    assert may == {"Ana": True, "Bo": False, "Mara": True, "Gwen": False, "Alma": True}


def test_a_removed_enrollment_gives_no_right(accounting, ana):
    EnrollmentFactory(user=ana, product=accounting, removed_at=timezone.now())

    assert not short_links.may_follow(ana, ShortLinkFactory(team=None, product=accounting))


def test_a_teams_link_names_only_what_the_person_may_see(acme, acme_seat, accounting, ana, mara):
    other = SeatFactory(product=ProductFactory(name="Bookkeeping"), teams=[acme]).product
    elsewhere = ProductFactory(name="Elsewhere")
    EnrollmentFactory(user=ana, product=accounting)
    EnrollmentFactory(user=ana, product=elsewhere)  # not of this team
    link = ShortLinkFactory(team=acme)

    assert list(short_links.products_of(link, ana)) == [accounting]
    assert list(short_links.products_of(link, mara)) == [accounting, other]


def test_people_of_two_teams_see_each_in_its_own_link(acme, acme_seat, accounting, mara):
    theirs = TeamFactory(owner=UserFactory())
    hidden = SeatFactory(product=ProductFactory(name="Hidden"), teams=[theirs]).product

    assert hidden not in short_links.products_of(ShortLinkFactory(team=theirs), mara)


def test_managers_see_the_links_of_their_teams_and_products(acme, acme_seat, accounting, globex, mara, ana):
    own, of_product = ShortLinkFactory(team=acme), ShortLinkFactory(team=None, product=accounting)
    ShortLinkFactory(team=globex)
    ShortLinkFactory(team=None, product=ProductFactory())

    assert set(ShortLink.objects.visible_to(mara)) == {own, of_product}
    assert not ShortLink.objects.visible_to(ana).exists()
