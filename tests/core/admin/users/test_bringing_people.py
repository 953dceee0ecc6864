"""Adding a person by e-mail address: an account is created, or the owner of the address is invited."""

import re

import pytest
from django.urls import reverse

from core.models import Invitation, Membership, OutboxEntry, Role, User
from core.permissions import scope
from core.services import invitations
from core.tasks import send_welcome
from tests.factories import MembershipFactory, RoleFactory, UserFactory, builtin_role


def user_do(slug: str, *keys: int) -> str:
    return reverse(f"admin:core_user_{'do' if keys else 'do_new'}", args=[*keys, slug])


def team_do(team) -> str:
    return reverse("admin:core_team_do", args=[team.pk, "add-user"])


def person(email: str, **values) -> dict:
    role = builtin_role("student").pk
    return {"email": email, "first_name": "Typed", "last_name": "Name", "role": role} | values


DOORS = {
    "the list of users": lambda client, team, form: client.post(
        user_do("add"), form | {"teams": [team.pk]}, follow=True
    ),
    "the team's page": lambda client, team, form: client.post(team_do(team), form, follow=True),
}


@pytest.mark.parametrize("door", DOORS)
def test_who_has_an_account_elsewhere_is_invited_and_nothing_of_it_changes(
    mara, otto, acme, globex, signed_in, door
):
    before = User.objects.filter(pk=otto.pk).values().get()
    roles = dict(otto.memberships.values_list("team", "role__code"))

    page = DOORS[door](signed_in(mara), acme, person(" OTTO@Globex.example", thinkific="on")).content.decode()

    assert User.objects.filter(pk=otto.pk).values().get() == before
    assert dict(otto.memberships.values_list("team", "role__code")) == roles
    invitation = Invitation.objects.get()
    assert (invitation.team, invitation.user, invitation.invited_by) == (acme, otto, mara)
    assert "and gets an invitation" in page
    assert "Oberg" not in page
    assert not OutboxEntry.objects.exists()
    assert User.objects.filter(email__icontains="otto").count() == 1


@pytest.mark.parametrize("door", DOORS)
def test_who_has_none_gets_one(mara, acme, signed_in, door):
    DOORS[door](signed_in(mara), acme, person("new@globex.example", thinkific="on"))

    new = User.objects.get(email="new@globex.example")
    assert (new.first_name, new.memberships.get().team) == ("Typed", acme)
    assert OutboxEntry.objects.get(entity="user").object_id == new.pk


@pytest.mark.parametrize("door", DOORS)
def test_who_is_in_the_team_keeps_the_role_there(mara, acme, bo, owen, signed_in, door):
    for user in (bo, owen):
        response = DOORS[door](signed_in(mara), acme, person(user.email))

        assert "is in Acme already" in response.content.decode()
    assert Membership.objects.get(team=acme, user=owen).role.code == "owner"


@pytest.mark.parametrize("door", DOORS)
def test_a_full_team_answers_both_alike(mara, otto, acme, ana, signed_in, door):
    acme.max_members = 1
    acme.save()

    for email in (otto.email, "new@globex.example"):
        assert (
            "no room for another student"
            in DOORS[door](signed_in(mara), acme, person(email)).content.decode()
        )
    assert not otto.memberships.filter(team=acme).exists()


def test_a_switched_off_account_and_an_administrator_are_no_different(mara, acme, alma, otto, signed_in):
    User.objects.filter(pk=otto.pk).update(is_active=False)

    for user in (otto, alma):
        page = signed_in(mara).post(team_do(acme), person(user.email), follow=True).content.decode()
        assert f"{user.email} has an account outside your teams and gets an invitation." in page
        assert "Switched off" not in page
    otto.refresh_from_db()
    assert not otto.is_active


def test_whose_address_was_typed_is_not_taken_over(mara, acme, signed_in):
    """Una is in no team at all. Her address was enough to bring her in, and is not to become her."""
    una = UserFactory(email="una@elsewhere.example")
    client = signed_in(mara)
    client.post(team_do(acme), person("una@elsewhere.example"))
    invitations.accept(una.invitations.get(), by=una)

    assert Membership.objects.filter(team=acme, user=una).exists()
    for slug in ("edit", "reset-password", "create-thinkific-account"):
        assert client.post(user_do(slug, una.pk), person("mine@acme.example")).status_code == 403
    una.refresh_from_db()
    assert una.email == "una@elsewhere.example"


def test_whom_a_manager_made_is_theirs_to_change(mara, acme, signed_in):
    client = signed_in(mara)
    client.post(team_do(acme), person("new@acme.example"))
    new = User.objects.get(email="new@acme.example")

    assert client.get(user_do("edit", new.pk)).status_code == 200


def test_an_address_that_is_hidden_is_refused_without_saying_whose(mara, ana, bo, otto, acme, signed_in):
    form = {"first_name": "Ana", "last_name": "Ames", "is_active": "on"}

    def said(email: str) -> str:
        response = signed_in(mara).post(user_do("edit", ana.pk), form | {"email": email})
        return str(response.context["form"].errors["email"])

    assert "cannot be used here" in said(otto.email)
    assert not re.search("account|Otto|Globex", said(otto.email))
    assert "has an account" in said(bo.email)


def test_both_rights_are_needed(acme, otto, signed_in):
    for codes in (["users.create"], ["teams.assign"]):
        role = RoleFactory(permissions=["users.view", "teams.view", *codes])
        user = MembershipFactory(team=acme, role=role).user

        assert signed_in(user).post(team_do(acme), person(otto.email)).status_code == 403


def test_another_team_is_no_door(mara, globex, signed_in):
    assert signed_in(mara).post(team_do(globex), person("new@acme.example")).status_code == 404
    response = signed_in(mara).post(user_do("add"), person("new@acme.example", teams=[globex.pk]))
    assert "teams" in response.context["form"].errors
    assert not User.objects.filter(email="new@acme.example").exists()


def test_who_has_a_password_is_told_of_the_team_and_not_of_a_new_account(otto, mailoutbox):
    send_welcome(otto.pk, None)
    otto.set_password("a long and unlikely one")
    otto.save()
    send_welcome(otto.pk, None)

    first, second = (mail.body for mail in mailoutbox)
    assert "You now have an account" in first
    assert "You were added to a team" in second
    assert otto.check_password("a long and unlikely one")


# --- a role for everywhere ----------------------------------------------------------------------------


def test_an_administrator_adds_another(alma, signed_in):
    administrator = builtin_role("administrator")

    page = signed_in(alma).post(
        user_do("add"), person("new@academy.example", global_role=administrator.pk), follow=True
    )

    new = User.objects.get(email="new@academy.example")
    assert (new.global_role, new.is_staff, new.is_dashboard_user) == (administrator, True, True)
    assert not new.is_superuser
    assert "is added as Administrator" in page.content.decode()


def test_nobody_gives_a_role_that_may_do_more_everywhere(db, signed_in):
    codes = ["users.view", "users.create", "teams.view"]
    helper = RoleFactory(name="Helper", is_global=True, permissions=codes)
    hugo = UserFactory(global_role=helper)
    client = signed_in(hugo)

    assert list(scope.global_roles_to_give(hugo)) == [helper]
    refused = client.post(
        user_do("add"), person("new@academy.example", global_role=builtin_role("administrator").pk)
    )
    assert "You cannot give this role" in str(refused.context["form"].errors["global_role"])
    assert not User.objects.filter(email="new@academy.example").exists()


@pytest.mark.parametrize("who", ["mara", "owen"])
def test_teams_neither_see_nor_give_a_role_for_everywhere(request, acme, mara, signed_in, who):
    client = signed_in(request.getfixturevalue(who))

    assert "global_role" not in client.get(user_do("add")).content.decode()
    form = person("new@acme.example", teams=[acme.pk], global_role=builtin_role("administrator").pk)
    client.post(user_do("add"), form)

    assert User.objects.get(email="new@acme.example").global_role is None
    assert not Role.objects.filter(holders__email="new@acme.example").exists()


def test_who_adds_without_seeing_the_team_changes_nobody_s_role(acme, owen, signed_in):
    blind = RoleFactory(name="Blind", permissions=["users.view", "users.create"])
    user = MembershipFactory(team=acme, role=blind).user

    response = signed_in(user).post(user_do("add"), person(owen.email, teams=[acme.pk]))

    assert response.status_code == 302
    assert Membership.objects.get(team=acme, user=owen).role.code == "owner"
