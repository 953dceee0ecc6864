"""Deleting the owner of a personal team: the team and its own students go along, if the settings say so."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from core.models import (
    ImpersonationSession,
    Membership,
    OutboxEntry,
    Seat,
    SeatAssignment,
    SiteSettings,
    Team,
    User,
)
from core.services.accounts import deletions
from tests.factories import (
    EnrollmentFactory,
    MembershipFactory,
    NoteFactory,
    RoleFactory,
    SeatFactory,
    TeamFactory,
    UserFactory,
    builtin_role,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def pia():
    return UserFactory(first_name="Pia", last_name="Person", email="pia@own.example", is_dashboard_user=True)


@pytest.fixture
def own(pia, accounting):
    """Pia's personal team with a seat and two students, one of them in Thinkific."""
    team = TeamFactory(name="Pia's people", owner=pia, is_personal=True)
    SeatFactory(product=accounting, teams=[team], max_seats=5)
    User.objects.filter(pk=pia.pk).update(primary_team=team)
    for name, thinkific_id in (("Cleo", 4711), ("Dario", None)):
        user = UserFactory(first_name=name, last_name="Vance", home_team=team, thinkific_id=thinkific_id)
        MembershipFactory(team=team, user=user)
        EnrollmentFactory(user=user, product=accounting)
    return team


@pytest.fixture(autouse=True)
def _along(db):
    SiteSettings.load()
    SiteSettings.objects.update(delete_students_of_users=True, delete_students=True)


def address(user):
    return reverse("admin:core_user_do", args=[user.pk, "delete"])


def words(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode()).replace("&#x27;", "'")


def form(user, by, **values):
    return {"email": user.email, "described": deletions.describe(user, by=by).fingerprint(), **values}


def test_the_question_names_in_numbers_what_goes_along(alma, pia, own, signed_in):
    NoteFactory(user=User.objects.get(first_name="Cleo"), author=None)

    page = words(signed_in(alma).get(address(pia)))

    assert (
        "Pia's people is deleted too, with 1 seat assignment and 2 students: Cleo Vance and Dario Vance."
        in page
    )
    assert "The students lose 2 enrollments, 2 team memberships and 1 note." in page
    assert "1 Thinkific account of these students is deleted too, permanently." in page


def test_what_is_confirmed_goes_and_thinkific_is_told(alma, pia, own, accounting, signed_in):
    cleo = User.objects.get(first_name="Cleo")

    page = words(signed_in(alma).post(address(pia), form(pia, alma), follow=True))

    assert "Pia Person is deleted, with 1 team and 2 students." in page
    assert not User.objects.filter(last_name__in=["Vance", "Person"]).exists()
    assert not Team.objects.filter(pk=own.pk).exists() and not SeatAssignment.objects.exists()
    assert Seat.objects.get().used_count == 0  # the seat stays
    [entry] = OutboxEntry.objects.all()
    assert (entry.entity, entry.object_id, entry.thinkific_id) == ("user", cleo.pk, 4711)
    gone = User.history.filter(id=cleo.pk, history_type="-").get()
    assert (gone.history_user, gone.history_change_reason) == (alma, "deleted with Pia Person")
    assert Team.history.filter(id=own.pk, history_type="-").get().history_user == alma


@pytest.mark.parametrize("personal", [True, False])
def test_a_team_blocks_where_the_setting_is_off_or_it_is_not_personal(alma, pia, own, signed_in, personal):
    if personal:
        SiteSettings.objects.update(delete_students_of_users=False)
    else:
        User.objects.update(primary_team=None)
        Team.objects.update(is_personal=False)

    for response in (
        signed_in(alma).get(address(pia)),
        signed_in(alma).post(address(pia), form(pia, alma)),
    ):
        assert "Pia Person owns Pia's people. Make somebody else the owner first." in words(response)
        assert ("Or switch on “delete the students of a user too”" in words(response)) == personal
    assert User.objects.filter(last_name="Vance").count() == 2


def test_who_is_more_than_a_student_of_the_team_stays_and_is_named(alma, pia, own, acme, signed_in):
    SiteSettings.objects.update(default_team=acme)
    student, other = builtin_role("student"), TeamFactory()
    kept = {}

    def member(name, role=student, **values):
        kept[name] = MembershipFactory(team=own, role=role, user=UserFactory(first_name=name, last_name="K"))
        User.objects.filter(pk=kept[name].user_id).update(**values)
        return kept[name].user

    MembershipFactory(team=other, user=member("Elsewhere"))
    member("Manager", builtin_role("manager"))
    member("Able", RoleFactory(permissions=["users.view"]))
    member("Super", is_superuser=True)
    Team.objects.filter(pk=other.pk).update(owner=member("Owner"))
    ImpersonationSession.objects.create(impersonator=alma, impersonated=member("Recorded"))
    member("Making")
    OutboxEntry.objects.create(
        entity="user", object_id=kept["Making"].user_id, status="in_flight", reason="new"
    )

    page = words(signed_in(alma).get(address(pia)))
    assert "Elsewhere K stays: in another team too." in page
    assert "Able K, Manager K and Super K stay: more than a student here." in page
    assert "Owner K stays: owner of a team." in page
    assert "Recorded K stays: in the record of impersonations, which is kept." in page
    assert "Making K stays: a Thinkific account is being made." in page
    said = signed_in(alma).post(address(pia), form(pia, alma), follow=True)

    assert "is deleted, with 1 team and 2 students" in words(said)
    stayed = User.objects.filter(last_name="K")
    assert stayed.count() == len(kept)
    assert not Membership.objects.filter(user__last_name="Vance").exists()
    assert Membership.objects.filter(team=acme, user__in=stayed).count() == len(kept) - 1


def test_students_whose_thinkific_account_stays_go_along_here(alma, pia, own, signed_in):
    SiteSettings.objects.update(delete_students=False)

    page = words(signed_in(alma).get(address(pia)))
    signed_in(alma).post(address(pia), form(pia, alma))

    assert (
        "Pia's people is deleted too, with 1 seat assignment and 2 students: Cleo Vance and Dario Vance."
        in page
    )
    assert (
        "1 Thinkific account of these students stays, and the next pull of the users brings that person back "
        "without teams." in page
    )
    assert not User.objects.filter(last_name="Vance").exists()
    assert not OutboxEntry.objects.filter(entity="user").exists()


def test_a_student_of_the_team_who_manages_another_is_no_student(alma, pia, own, acme, signed_in):
    boss = UserFactory(first_name="Boss", last_name="K")
    MembershipFactory(team=own, user=boss)
    MembershipFactory(team=acme, user=boss, role=builtin_role("manager"))

    assert "Boss K stays: more than a student here." in words(signed_in(alma).get(address(pia)))


def test_nobody_is_left_without_a_team(alma, pia, own, signed_in):
    MembershipFactory(
        team=own, role=builtin_role("manager"), user=UserFactory(first_name="Max", last_name="K")
    )

    page = words(signed_in(alma).post(address(pia), form(pia, alma)))

    assert "is the only team of Max K" in page
    assert User.objects.filter(last_name__in=["Vance", "Person"]).count() == 3
    assert Team.objects.filter(pk=own.pk).exists()


def test_the_deleter_does_not_go_along(alma, pia, own, acme, signed_in):
    MembershipFactory(team=own, user=alma)
    User.objects.filter(pk=alma.pk).update(is_dashboard_user=False)
    MembershipFactory(team=acme, user=alma)

    assert "Alma Admin stays: you cannot delete yourself." in words(signed_in(alma).get(address(pia)))
    signed_in(alma).post(address(pia), form(pia, alma))

    assert User.objects.filter(pk=alma.pk).exists()
    assert not User.objects.filter(pk=pia.pk).exists()


def test_what_came_to_the_team_after_the_question_is_asked_again(alma, pia, own, signed_in):
    sent = form(pia, alma)
    MembershipFactory(team=own)

    page = words(signed_in(alma).post(address(pia), sent))

    assert "has changed since you opened this" in page and "3 students" in page
    assert User.objects.filter(pk=pia.pk).exists()


@pytest.mark.parametrize("what", ["default", "role"])
def test_a_team_that_others_depend_on_blocks(alma, pia, own, signed_in, what):
    if what == "default":
        SiteSettings.objects.update(default_team=own)
        says = "Pia's people is the default team in Settings."
    else:
        RoleFactory(name="Only here").limited_to.add(own)
        says = "The role Only here can be given only in Pia's people."

    assert says in words(signed_in(alma).get(address(pia)))
    assert says in words(signed_in(alma).post(address(pia), form(pia, alma)))
    assert User.objects.filter(pk=pia.pk).exists()


def test_a_student_takes_nobody_along(alma, ana, acme, signed_in):
    """Ana's primary team is one that she does not own."""
    User.objects.filter(pk=ana.pk).update(primary_team=acme)

    signed_in(alma).post(address(ana), form(ana, alma))

    assert not User.objects.filter(pk=ana.pk).exists()
    assert Team.objects.filter(pk=acme.pk).exists()


def test_the_question_names_the_students_and_how_many_more(alma, pia, own, signed_in):
    for name in ("Ada", "Bea", "Eve", "Fay"):
        MembershipFactory(team=own, user=UserFactory(first_name=name, last_name="Zoll"))

    page = words(signed_in(alma).get(address(pia)))

    assert "and 6 students: Ada Zoll, Bea Zoll, Cleo Vance, Dario Vance, Eve Zoll and 1 more." in page


@pytest.mark.parametrize("why", ["nowhere", "archived", "full"])
def test_the_question_says_at_once_that_somebody_has_no_other_team(alma, pia, own, acme, signed_in, why):
    """It promised that they stay, and refused only on confirming."""
    max_k = UserFactory(first_name="Max", last_name="K")
    MembershipFactory(team=own, role=builtin_role("manager"), user=max_k)
    if why != "nowhere":
        SiteSettings.objects.update(default_team=acme)
        values = {"archived_at": timezone.now()} if why == "archived" else {"max_members": 0}
        Team.objects.filter(pk=acme.pk).update(**values)
    says = {"nowhere": "is the only team of Max K", "archived": "is archived", "full": "has no room"}[why]

    for response in (
        signed_in(alma).get(address(pia)),
        signed_in(alma).post(address(pia), form(pia, alma)),
    ):
        assert says in words(response) and "Max K stays" not in words(response)
    assert Team.objects.filter(pk=own.pk).exists()
