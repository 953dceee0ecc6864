"""The permission "Delete students": the owner of a team deletes students whose account is of that team."""

import re

import pytest
from django.urls import reverse

from core.errors import Refusal
from core.models import Enrollment, Membership, OutboxEntry, SiteSettings, Team, User
from core.permissions import scope, students
from core.permissions.codes import BUILTIN_ROLES
from core.services.accounts import deletions
from tests.factories import EnrollmentFactory, MembershipFactory, RoleFactory, TeamFactory, builtin_role

pytestmark = pytest.mark.django_db


def address(user):
    return reverse("admin:core_user_do", args=[user.pk, "delete"])


def page_of(user):
    return reverse("admin:core_user_change", args=[user.pk])


def send(client, user, by):
    described = deletions.describe(user, by=by).fingerprint()
    return client.post(address(user), {"email": user.email, "described": described}, follow=True)


def words(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode()).replace("&#x27;", "'")


def test_owners_hold_it_and_nobody_else():
    holding = {code for code, (_, _, codes) in BUILTIN_ROLES.items() if "students.delete" in codes}

    assert holding == {"administrator", "owner"}
    assert "students.delete" in builtin_role("owner").permissions


def test_an_owner_deletes_a_student_of_the_team(owen, acme, ana, acme_seat, accounting, signed_in):
    SiteSettings.load()
    SiteSettings.objects.update(delete_students=True)
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711)
    ana.refresh_from_db()
    EnrollmentFactory(user=ana, product=accounting, last_seat=acme_seat)
    client = signed_in(owen)
    assert address(ana) in client.get(page_of(ana)).content.decode()
    assert "1 enrollment and 1 team membership" in words(client.get(address(ana)))

    said = words(send(client, ana, owen))

    assert "Ana Ames is deleted." in said
    assert not User.objects.filter(pk=ana.pk).exists()
    entry = OutboxEntry.objects.get()
    assert (entry.thinkific_id, entry.requested_by) == (4711, owen)


@pytest.mark.parametrize(
    "why",
    [
        "denied",
        "manager",
        "other home",
        "no home",
        "other team",
        "archived",
        "rights",
        "allowed",
        "dashboard",
    ],
)
def test_nobody_else_is_deleted_by_an_owner(owen, mara, acme, globex, ana, signed_in, why):
    viewer = mara if why == "manager" else owen
    membership = Membership.objects.filter(user=ana, team=acme)
    if why == "denied":
        Membership.objects.filter(user=owen).update(overrides={"students.delete": "deny"})
    elif why == "other home":
        User.objects.filter(pk=ana.pk).update(home_team=globex)
    elif why == "no home":
        User.objects.filter(pk=ana.pk).update(home_team=None)
    elif why == "other team":
        MembershipFactory(team=globex, user=ana)
    elif why == "archived":
        second = TeamFactory(owner=owen, archived_at=acme.created_at)
        MembershipFactory(team=second, user=ana)
    elif why == "rights":
        membership.update(role=RoleFactory(permissions=["teams.view"]))
    elif why == "allowed":
        membership.update(overrides={"users.view": "allow"})
    elif why == "dashboard":
        User.objects.filter(pk=ana.pk).update(is_dashboard_user=True)
    ana.refresh_from_db()
    client = signed_in(viewer)

    assert address(ana) not in client.get(page_of(ana)).content.decode()
    assert client.get(address(ana)).status_code == 403
    assert send(client, ana, viewer).status_code == 403
    assert User.objects.filter(pk=ana.pk).exists()


def test_a_student_of_two_teams_of_one_owner_is_deleted(owen, acme, ana, signed_in):
    second = TeamFactory(name="Second", owner=owen)
    MembershipFactory(team=second, user=ana)

    send(signed_in(owen), ana, owen)

    assert not User.objects.filter(pk=ana.pk).exists()


def test_another_teams_student_is_like_missing(owen, acme, otto, signed_in):
    assert signed_in(owen).get(address(otto)).status_code == 404
    assert signed_in(owen).post(address(otto), {"email": otto.email}).status_code == 404


def test_the_right_can_be_given_to_one_manager(mara, acme, ana, signed_in):
    Membership.objects.filter(user=mara).update(overrides={"students.delete": "allow"})

    assert address(ana) in signed_in(mara).get(page_of(ana)).content.decode()
    send(signed_in(mara), ana, mara)

    assert not User.objects.filter(pk=ana.pk).exists()


def test_what_a_student_bought_only_an_administrator_destroys(owen, alma, acme, ana, signed_in):
    EnrollmentFactory(user=ana, origin=Enrollment.Origin.THINKIFIC)

    assert "Ask an administrator" in words(signed_in(owen).get(address(ana)))
    assert "Ask an administrator" in words(send(signed_in(owen), ana, owen))
    assert User.objects.filter(pk=ana.pk).exists()
    send(signed_in(alma), ana, alma)
    assert not User.objects.filter(pk=ana.pk).exists()


def test_an_owner_deletes_here_and_reads_that_an_administrator_can_delete_both(owen, acme, ana, signed_in):
    User.objects.filter(pk=ana.pk).update(thinkific_id=4711)
    ana.refresh_from_db()

    page = words(signed_in(owen).get(address(ana)))
    send(signed_in(owen), ana, owen)

    assert "switch the account off in Edit Profile instead. An administrator can delete both." in page
    assert "in Settings" not in page
    assert not User.objects.filter(pk=ana.pk).exists() and not OutboxEntry.objects.exists()


def test_who_joins_another_team_meanwhile_stays(owen, acme, globex, ana):
    MembershipFactory(team=globex, user=ana)
    told = deletions.describe(ana, by=owen)

    with pytest.raises(Refusal, match="You cannot delete Ana Ames"):
        deletions.delete(ana, confirmed=told, by=owen)
    assert User.objects.filter(pk=ana.pk).exists()


def test_a_global_role_with_it_deletes_students_and_nobody_else(acme, owen, ana, mara, signed_in):
    role = RoleFactory(is_global=True, permissions=["users.view", "teams.view", "students.delete"])
    helper = MembershipFactory(team=acme).user
    User.objects.filter(pk=helper.pk).update(global_role=role)
    helper = User.objects.get(pk=helper.pk)

    assert students.may_delete(helper, ana)
    assert not any(students.may_delete(helper, one) for one in (owen, mara))
    assert not scope.may_delete_account(helper, ana)
    send(signed_in(helper), ana, helper)
    assert not User.objects.filter(pk=ana.pk).exists()
    assert Team.objects.get(pk=acme.pk).owner == owen
