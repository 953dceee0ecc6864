"""The attacks of a team manager who knows an e-mail address, over HTTP. Otto belongs to Globex."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from core.models import Enrollment, Invitation, Membership, User
from core.permissions import scope
from core.services import invitations, people
from tests.dialogs import row_is_gone
from tests.factories import (
    CertificateFactory,
    EnrollmentFactory,
    MembershipFactory,
    ProductFactory,
    QuizFactory,
    QuizResultFactory,
    TagFactory,
    TeamFactory,
    UserFactory,
    builtin_role,
)


def user_do(slug: str, *keys: int) -> str:
    return reverse(
        "admin:core_user_do_row" if keys[1:] else "admin:core_user_do", args=[keys[0], slug, *keys[1:]]
    )


def team_do(team, slug: str, *keys: int) -> str:
    name = "do_row" if keys else "do"
    return reverse(f"admin:core_team_{name}", args=[team.pk, slug, *keys])


def person(email: str, **values) -> dict:
    return {"email": email, "first_name": "Typed", "role": builtin_role("student").pk} | values


ACCOUNT = ("edit", "reset-password", "create-thinkific-account")


def refuses_the_account(client, user) -> bool:
    return {client.get(user_do(slug, user.pk)).status_code for slug in ACCOUNT} <= {403, 404}


@pytest.fixture
def otto_elsewhere(otto, accounting, globex_seat):
    """Otto with learning in accounting and in a course that Acme has nothing to do with, tags, a sign-in."""
    fishing = ProductFactory(name="Fishing")
    for course in (accounting, fishing):
        EnrollmentFactory(user=otto, product=course, percentage_completed="0.37")
        QuizResultFactory(user=otto, quiz=QuizFactory(product=course, name=f"{course} quiz"), grade=71)
        CertificateFactory(user=otto, product=course, credential_id=f"cert-{course}")
    otto.tags.add(TagFactory(name="globex-only"))
    User.objects.filter(pk=otto.pk).update(last_activity_at=timezone.now())
    return otto


LISTS = ["user", "enrollment", "quizresult", "certificate"]


ALL_COLUMNS = {"file_columns": "name.email.thinkific_id.created_at.teams.role.last_activity.status.tags"}


def test_an_address_shows_nothing_and_changes_nothing_until_the_person_agrees(
    mara, acme, acme_seat, otto_elsewhere, signed_in
):
    client = signed_in(mara)
    client.post(team_do(acme, "add-user"), person("otto@globex.example", welcome="on"))

    for name in LISTS:
        assert "Oberg" not in client.get(reverse(f"admin:core_{name}_changelist")).content.decode()
    hidden, missing = (
        client.get(reverse("admin:core_user_change", args=[pk])) for pk in (otto_elsewhere.pk, 10**9)
    )
    assert (hidden.status_code, hidden.url) == (missing.status_code, missing.url)
    tab = client.get(f"{reverse('admin:core_team_change', args=[acme.pk])}?tab=invitations").content.decode()
    assert "otto@globex.example" in tab
    assert "Oberg" not in tab
    held = otto_elsewhere.enrollments.get(product=acme_seat.product)
    assert client.post(user_do("end-access", otto_elsewhere.pk, held.pk)).status_code == 404


def test_afterwards_the_team_sees_the_products_of_its_seats_and_ends_nothing(
    mara, acme, acme_seat, accounting, otto_elsewhere, signed_in
):
    otto = otto_elsewhere
    client = signed_in(mara)
    client.post(team_do(acme, "add-user"), person(otto.email))
    invitations.accept(Invitation.objects.get(), by=otto)

    page = reverse("admin:core_user_change", args=[otto.pk])
    tabs = ["", "enrollments", "quizzes", "teams", "groups"]
    text = "".join(client.get(f"{page}?tab={tab}").content.decode() for tab in tabs)
    assert "Accounting 101" in text
    for hidden in ("Fishing", "Globex", "globex-only", "Last activity"):
        assert hidden not in text, hidden
    members = client.get(f"{reverse('admin:core_team_change', args=[acme.pk])}?tab=users")
    assert "Guest" in members.content.decode()
    held = otto.enrollments.get(product=accounting)
    for slug in ("end-access", "change-end"):
        refused = client.post(user_do(slug, otto.pk, held.pk), {"last_day": "2099-01-01"})
        assert refused.status_code == 403 or row_is_gone(refused)
    client.post(reverse("admin:core_enrollment_do", args=[held.pk, "end-access"]))
    client.post(user_do("enroll", otto.pk), {"products": [accounting.pk], "last_day": "2099-01-01"})
    assert Enrollment.objects.filter(pk=held.pk, expiry_date=held.expiry_date, last_seat=None).exists()
    page = client.get(reverse("admin:core_enrollment_change", args=[held.pk])).content.decode()
    assert "bought, or given by somebody else" in page
    assert "End Access" not in page
    assert refuses_the_account(client, otto)


def test_a_foreign_membership_takes_no_right_from_the_home_team(gwen, mara, acme, globex, otto, signed_in):
    MembershipFactory(team=acme, user=otto, as_guest=True)

    assert scope.may_change_account(gwen, otto)
    assert signed_in(gwen).get(user_do("edit", otto.pk)).status_code == 200
    assert refuses_the_account(signed_in(mara), otto)


def test_whoever_got_rights_in_another_team_is_out_of_the_home_teams_reach(gwen, acme, globex, otto):
    """Otherwise Globex's owner could become a manager of Acme."""
    MembershipFactory(team=acme, user=otto, role=builtin_role("manager"))

    assert not scope.may_change_account(gwen, otto)


def test_a_manager_of_two_teams_does_not_take_over_who_was_in_none(mara, acme, signed_in):
    """The way it was done: invite to one team, add to the other, leave the first."""
    una = UserFactory(email="una@elsewhere.example")
    second = TeamFactory(name="Second")
    MembershipFactory(team=second, user=mara, role=builtin_role("manager"))
    client = signed_in(mara)

    client.post(team_do(acme, "add-user"), person(una.email))
    invitations.accept(Invitation.objects.get(), by=una)
    client.post(team_do(second, "add-person"), {"user": una.pk, "role": builtin_role("student").pk})
    assert una.memberships.count() == 2
    assert refuses_the_account(client, una)
    first = Membership.objects.get(team=acme, user=una)
    client.post(team_do(acme, "remove-person", first.pk))

    left = una.memberships.get()
    assert (left.team, left.as_guest) == (second, True)
    assert refuses_the_account(client, una)
    client.post(user_do("edit", una.pk), {"email": "mine@acme.example", "first_name": "X"})
    una.refresh_from_db()
    assert una.email == "una@elsewhere.example"


def test_a_guest_gets_rights_only_by_agreeing_to_them(mara, alma, acme, otto, gwen, globex, signed_in):
    """Otherwise any team could take an account out of its home team's reach."""
    guest = MembershipFactory(team=acme, user=otto, as_guest=True)
    manager = builtin_role("manager")
    address = team_do(acme, "change-role", guest.pk)

    page = signed_in(mara).post(address, {"role": manager.pk}).content.decode()

    assert "is a guest" in page
    assert Membership.objects.get(pk=guest.pk).role.code == "student"
    assert scope.may_change_account(gwen, otto)
    signed_in(alma).post(address, {"role": manager.pk})
    assert Membership.objects.get(pk=guest.pk).role == manager


def test_nor_by_being_added_to_a_second_team(mara, acme, otto, signed_in):
    MembershipFactory(team=acme, user=otto, as_guest=True)
    second = TeamFactory(name="Second")
    MembershipFactory(team=second, user=mara, role=builtin_role("manager"))

    form = {"user": otto.pk, "role": builtin_role("manager").pk}
    page = signed_in(mara).post(team_do(second, "add-person"), form).content.decode()

    assert "is a guest" in page
    assert not Membership.objects.filter(team=second, user=otto).exists()


def test_of_a_guest_the_page_shows_name_and_address(mara, acme, otto, signed_in):
    MembershipFactory(team=acme, user=otto, as_guest=True)

    page = signed_in(mara).get(reverse("admin:core_user_change", args=[otto.pk])).content.decode()

    assert "otto@globex.example" in page
    for word in ("Thinkific ID", "Created At", "Last synced", "Account"):
        assert f">{word}<" not in page, word


def test_an_outsider_is_not_told_how_full_a_team_is(client, acme, mara, otto, ana, bo):
    role = builtin_role("student")
    asked = invitations.invite(team=acme, user=otto, role=role, address=otto.email, by=mara)
    acme.max_members = 2
    acme.save()

    page = client.post(invitations.address_of(asked), {"join": ""}).content.decode()

    assert "no room at the moment" in page
    assert "2 of 2" not in page
    assert Invitation.objects.get() == asked


def test_leaving_and_coming_back_adds_nothing(mara, acme, ana, globex, gwen, signed_in):
    MembershipFactory(team=globex, user=ana, as_guest=True)
    Membership.objects.get(team=acme, user=ana).delete()

    assert not scope.may_change_account(gwen, ana)
    assert not scope.may_change_account(mara, ana)
    MembershipFactory(team=acme, user=ana)
    assert scope.may_change_account(mara, ana)


def test_whoever_a_team_made_an_account_for_is_its_own(mara, acme, signed_in):
    signed_in(mara).post(team_do(acme, "add-user"), person("new@acme.example"))

    new = User.objects.get(email="new@acme.example")
    assert new.home_team == acme
    assert not new.memberships.get().as_guest
    assert scope.may_change_account(mara, new)


def test_an_administrator_says_whose_an_account_is(alma, mara, acme, signed_in):
    una = UserFactory()
    MembershipFactory(team=acme, user=una)
    assert not scope.may_change_account(mara, una)

    assert signed_in(mara).post(user_do("home-team", una.pk), {"team": acme.pk}).status_code == 403
    signed_in(alma).post(user_do("home-team", una.pk), {"team": acme.pk})

    una.refresh_from_db()
    assert una.home_team == acme
    assert una.history.latest().history_user == alma
    assert scope.may_change_account(mara, una)


def test_a_home_team_is_one_of_the_persons_teams(alma, otto, acme, signed_in):
    response = signed_in(alma).post(user_do("home-team", otto.pk), {"team": acme.pk})

    assert "Choose one of" in str(response.context["form"].errors["team"])


def test_a_team_withdraws_and_sends_again_its_own_invitations_only(mara, gwen, acme, otto, signed_in):
    signed_in(mara).post(team_do(acme, "add-user"), person(otto.email))
    invitation = Invitation.objects.get()

    signed_in(gwen).post(team_do(acme, "withdraw-invitation", invitation.pk))
    assert Invitation.objects.get() == invitation
    assert signed_in(mara).post(team_do(acme, "add-invited", invitation.pk)).status_code == 403
    signed_in(mara).post(team_do(acme, "send-invitation-again", invitation.pk))
    assert Invitation.objects.get().sent_at > invitation.sent_at
    signed_in(mara).post(team_do(acme, "withdraw-invitation", invitation.pk))
    assert not Invitation.objects.exists()


def test_an_administrator_agrees_for_the_person(alma, mara, acme, otto, signed_in):
    signed_in(mara).post(team_do(acme, "add-user"), person(otto.email))

    signed_in(alma).post(team_do(acme, "add-invited", Invitation.objects.get().pk))

    assert Membership.objects.get(team=acme, user=otto).as_guest
    assert refuses_the_account(signed_in(mara), otto)


def test_tags_of_guests_are_neither_listed_nor_filtered_by(mara, acme, otto_elsewhere, signed_in):
    MembershipFactory(team=acme, user=otto_elsewhere, as_guest=True)
    client = signed_in(mara)
    tag = otto_elsewhere.tags.get()

    assert "globex-only" not in client.get("/admin/core/tag/").content.decode()
    assert "Oberg" not in client.get(f"/admin/core/user/?tag={tag.pk}").content.decode()


# --- the link -----------------------------------------------------------------------------------------


@pytest.fixture
def link(acme, mara, otto) -> str:
    role = builtin_role("student")
    asked = invitations.invite(team=acme, user=otto, role=role, address=otto.email, by=mara)
    return invitations.address_of(asked)


def test_looking_at_the_link_answers_nothing(client, link, otto, acme):
    page = client.get(link)

    assert "Join this team?" in page.content.decode()
    assert page["Referrer-Policy"] == "same-origin"  # without any, browsers send forms from nowhere
    assert "no-store" in page["Cache-Control"]
    assert client.post(link, {}).status_code == 200
    assert not otto.memberships.filter(team=acme).exists()


def test_the_link_joins_once(client, link, otto, acme):
    assert "You have joined" in client.post(link, {"join": ""}).content.decode()

    assert otto.memberships.filter(team=acme).exists()
    over = client.post(link, {"join": ""})
    assert (over.status_code, "invitation is over" in over.content.decode()) == (404, True)


def test_the_link_declines(client, link, otto, acme):
    assert "You have declined" in client.post(link, {"decline": ""}).content.decode()
    assert not otto.memberships.filter(team=acme).exists()
    assert not Invitation.objects.exists()


def test_the_link_needs_the_token_of_its_form(link):
    from django.test import Client

    assert Client(enforce_csrf_checks=True).post(link, {"join": ""}).status_code == 403


@pytest.mark.parametrize("token", ["x", "a:b:c", "%00", "é" * 50, "1" * 5000])
def test_rubbish_is_answered_like_an_invitation_that_is_over(client, link, token):
    for key in ("MQ", "x", "4611686018427387904"):
        assert client.get(f"/admin/invitation/{key}/{token}/").status_code == 404


def test_a_home_team_goes_with_the_team(otto, globex):
    people.change_home_team(otto, team=None, by=otto)
    assert User.objects.get(pk=otto.pk).home_team is None


# Not only the year, which may be a key too.
WHEN = re.compile(r"2019-03-04|4 Mar 2019")


def test_of_a_guest_the_lists_show_no_account(mara, acme, otto, signed_in):
    User.objects.filter(pk=otto.pk).update(thinkific_id=777000777, created_at="2019-03-04T05:06:07Z")
    MembershipFactory(team=acme, user=otto, as_guest=True)
    client, url = signed_in(mara), reverse("admin:core_user_changelist")

    everybody = client.get(url).content.decode()
    assert "otto@globex.example" in everybody
    assert "777000777" not in everybody
    assert not WHEN.search(everybody)
    asked_for = client.get(reverse("admin:core_user_export_file"), ALL_COLUMNS)
    file = b"".join(asked_for.streaming_content).decode()
    assert "otto@globex.example" in file
    assert "777000777" not in file
    assert not WHEN.search(file)
    for asked in ("q=777000777", "active=yes", "thinkific=yes"):
        assert "otto@globex.example" not in client.get(f"{url}?{asked}").content.decode()
