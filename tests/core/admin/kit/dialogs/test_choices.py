"""Dialogs offer only choices that can work, and say in numbers what they will do before they do it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from core.admin.kit.dialogs import pickers
from core.admin.tools.dialogs import ImportFromGroups
from core.models import Enrollment, GroupAssignment, Membership, Product, SiteSettings
from tests.dialogs import send_confirmed
from tests.factories import (
    BundleItemFactory,
    EnrollmentFactory,
    GroupAssignmentFactory,
    GroupMembershipFactory,
    MembershipFactory,
    ProductFactory,
    TeamFactory,
    ThinkificGroupFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db


def do(model, slug, *keys):
    name = "do_row" if len(keys) > 1 else "do"
    return reverse(f"admin:core_{model}_{name}", args=[keys[0], slug, *keys[1:]])


@pytest.fixture
def offered(signed_in):
    """`offered(person, url, field)` are the first lines of what the field's picker offers."""

    def look(person, url, field, term=""):
        answer = signed_in(person).get(url, {"pick": field, "term": term})
        return [row["text"].split("\n")[0] for row in answer.json()["results"]]

    return look


# --- what is offered --------------------------------------------------------------------------------------


def test_an_owner_is_offered_the_courses_of_their_seats_only(owen, ana, acme_seat, accounting, offered):
    ProductFactory(name="Accounting for all")
    url = do("user", "enroll", ana.pk)
    assert offered(owen, url, "products", "acc") == ["Accounting 101"]

    EnrollmentFactory(user=ana, product=accounting)  # bought

    assert offered(owen, url, "products") == []


def test_teams_groups_and_people_that_are_taken_are_not_offered(alma, ana, bo, acme, globex, offered):
    assert offered(alma, do("user", "join-team", ana.pk), "team") == ["Globex"]
    people = offered(alma, do("team", "add-person", acme.pk), "user")
    assert "Alma Admin" in people or len(people) > 0
    assert "Ana Ames" not in people
    taken = GroupAssignmentFactory(team=acme, direction="bidirectional").group
    free = ThinkificGroupFactory(name="Interns", thinkific_id=9)
    assert offered(alma, do("team", "attach-group", acme.pk), "group") == ["Interns"]
    assert offered(alma, do("thinkificgroup", "assign-team", taken.pk), "team") == ["Globex"]
    # Only a group that some team sends to takes people in, and nobody twice.
    assert offered(alma, do("user", "join-group", ana.pk), "group") == [taken.name]
    GroupMembershipFactory(group=taken, user=ana)
    assert offered(alma, do("user", "join-group", ana.pk), "group") == []
    assert "Ana Ames" not in offered(alma, do("thinkificgroup", "add-member", taken.pk), "user")
    assert free.name == "Interns"


@pytest.mark.parametrize("field", ["nothing", "last_day", "", "viewer"])
def test_a_field_without_a_picker_answers_like_a_missing_page(alma, ana, signed_in, field):
    assert signed_in(alma).get(do("user", "enroll", ana.pk), {"pick": field}).status_code == 404


def test_who_may_not_open_the_dialog_is_offered_nothing(ana, otto, mara, signed_in):
    for person, student in ((ana, ana), (mara, otto)):
        answer = signed_in(person).get(do("user", "enroll", student.pk), {"pick": "products"})
        assert answer.status_code in {403, 404}


def test_leaving_is_offered_where_it_works(alma, ana, owen, acme, globex, signed_in):
    browser, url = signed_in(alma), reverse("admin:core_team_change", args=[acme.pk]) + "?tab=users"

    def has_button(person):
        key = Membership.objects.get(team=acme, user=person).pk
        return do("team", "remove-person", acme.pk, key) in browser.get(url).content.decode()

    assert not has_button(owen)  # the owner
    assert not has_button(ana)  # in no other team, and there is no default team
    MembershipFactory(team=globex, user=ana, role=builtin_role("student"))
    assert has_button(ana)
    Membership.objects.get(team=globex, user=ana).delete()
    SiteSettings.load()
    SiteSettings.objects.update(default_team=globex)
    assert has_button(ana)


def test_nobody_becomes_an_owner_through_a_group(alma):
    role = ImportFromGroups(viewer=alma).fields["role"]

    assert "owner" not in role.queryset.values_list("code", flat=True)


# --- numbers before it is done ----------------------------------------------------------------------------


def test_assigning_a_group_says_how_many_it_sends(alma, acme, ana, bo, signed_in):
    group = ThinkificGroupFactory(name="Interns", thinkific_id=9)
    GroupMembershipFactory(group=group, user=ana)
    form = {"team": acme.pk, "direction": "dashboard_to_thinkific"}
    url = do("thinkificgroup", "assign-team", group.pk)

    asked = signed_in(alma).post(url, form)

    assert not GroupAssignment.objects.exists()
    assert asked.context["confirm"] == "2 people of Acme will join the group Interns in Thinkific."
    # Somebody joins meanwhile: what was confirmed is no longer what it would do.
    MembershipFactory(team=acme)
    again = signed_in(alma).post(url, form | {"confirmed": asked.context["confirm"]})
    assert again.context["confirm"].startswith("3 people")
    send_confirmed(signed_in(alma), url, form)
    assert GroupAssignment.objects.get().team == acme


@pytest.mark.parametrize("end", [None, timedelta(days=900)], ids=["no end", "a later end"])
def test_shorter_access_is_given_only_when_confirmed(alma, ana, accounting, signed_in, end):
    until = None if end is None else timezone.now() + end
    EnrollmentFactory(user=ana, product=accounting, expiry_date=until, granted=True, granted_until=until)
    day = timezone.localdate() + timedelta(days=30)
    form = {"products": [accounting.pk], "last_day": str(day)}

    asked = signed_in(alma).post(do("user", "enroll", ana.pk), form)

    assert "This shortens access to Accounting 101 from" in asked.context["confirm"]
    assert Enrollment.objects.get().expiry_date == until
    send_confirmed(signed_in(alma), do("user", "enroll", ana.pk), form)
    assert timezone.localtime(Enrollment.objects.get().expiry_date).date() == day


def test_longer_access_asks_nothing(alma, ana, accounting, signed_in):
    EnrollmentFactory(user=ana, product=accounting, expiry_date=timezone.now() + timedelta(days=3))
    day = timezone.localdate() + timedelta(days=30)

    signed_in(alma).post(do("user", "enroll", ana.pk), {"products": [accounting.pk], "last_day": str(day)})

    assert timezone.localtime(Enrollment.objects.get().expiry_date).date() == day


# --- a course of a bundle ---------------------------------------------------------------------------------


@pytest.fixture
def bundled(ana, accounting):
    """Ana holds a bundle, and a course through it: `(the bundle's enrollment, the course's)`."""
    pack = ProductFactory(name="Finance pack", productable_type=Product.Type.BUNDLE)
    BundleItemFactory(bundle=pack, course=accounting)
    until = timezone.now() + timedelta(days=90)
    whole = EnrollmentFactory(user=ana, product=pack, expiry_date=until, granted=True, granted_until=until)
    return whole, EnrollmentFactory(user=ana, product=accounting, expiry_date=until, via_bundle=whole)


def test_ending_a_course_of_a_bundle_offers_to_end_the_bundle(alma, ana, bundled, signed_in):
    whole, course = bundled

    page = signed_in(alma).get(do("user", "end-access", ana.pk, course.pk)).content.decode()

    assert "through the bundle Finance pack" in page
    assert do("enrollment", "end-access", whole.pk) in page
    assert "can no longer open" not in page


@pytest.mark.parametrize("end", [None, 2031], ids=["without end", "2031"])
def test_a_course_cannot_end_before_the_bundle_that_gives_it(alma, ana, bundled, signed_in, end):
    whole, course = bundled
    until = end and datetime(end, 3, 31, 12, tzinfo=UTC)
    Enrollment.objects.filter(pk=whole.pk).update(expiry_date=until)
    Enrollment.objects.filter(pk=course.pk).update(expiry_date=datetime(2030, 3, 31, 12, tzinfo=UTC))
    address = do("enrollment", "change-end", course.pk)

    page = signed_in(alma).post(address, {"last_day": "2029-06-30"}).content.decode()

    assert "and that access " + ("ends on 31 Mar 2031" if end else "does not end") in page
    course.refresh_from_db()
    assert (course.expiry_date.year, course.granted) == (2030, False)
    signed_in(alma).post(address, {"last_day": "2032-01-31"})
    course.refresh_from_db()
    assert course.expiry_date.year == (2032 if end else 2030)  # later than the bundle: as it says


def test_a_team_is_not_told_which_bundle(owen, ana, bundled, acme_seat, signed_in):
    _, course = bundled
    Enrollment.objects.filter(pk=course.pk).update(last_seat=acme_seat)

    page = signed_in(owen).get(do("user", "end-access", ana.pk, course.pk)).content.decode()

    assert "through a bundle that no seat of your teams gave" in page
    assert "Finance pack" not in page


def test_a_team_in_another_zone_of_teams_is_not_offered(owen, offered, acme, ana):
    TeamFactory(name="Foreign")

    assert "Foreign" not in offered(owen, do("user", "join-team", ana.pk), "team")


# --- without scripts --------------------------------------------------------------------------------------


def listed(response, field):
    """Returns the keys of the choices that stand in the page for this field."""
    select = response.content.decode().split(f'<select name="{field}"')[1].split("</select>")[0]
    return re.findall(r'<option value="(\d*)"', select)


def test_a_page_lists_what_its_pickers_offer_and_nothing_of_other_teams(
    owen, ana, acme_seat, accounting, signed_in
):
    ProductFactory(name="Accounting for all")

    response = signed_in(owen).get(do("user", "enroll", ana.pk))

    assert listed(response, "products") == [str(accounting.pk)]
    assert "<noscript><p" not in response.content.decode()


def test_a_picker_of_one_begins_empty(alma, ana, globex, signed_in):
    response = signed_in(alma).get(do("user", "join-team", ana.pk))

    assert listed(response, "team") == ["", str(globex.pk)]  # a browser would choose the first one


def test_over_a_page_the_choices_come_by_typing(alma, ana, globex, signed_in):
    address = do("user", "join-team", ana.pk)

    response = signed_in(alma).get(address, headers={"HX-Request": "true"})

    assert not any(listed(response, "team"))


def test_a_page_says_that_it_does_not_list_all(alma, acme, signed_in, monkeypatch):
    UserFactory.create_batch(2)
    monkeypatch.setattr(pickers, "LISTED", 1)

    response = signed_in(alma).get(do("team", "add-person", acme.pk))

    assert len(listed(response, "user")) == 2
    assert pickers.NOT_ALL_LISTED in response.content.decode()
