"""Accounts that an e-mail address from outside may neither link nor rename."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Membership, User
from core.services import identity
from tests.factories import MembershipFactory, RoleFactory, TeamFactory, UserFactory, builtin_role

pytestmark = pytest.mark.django_db


def with_password():
    user = UserFactory()
    user.set_password("quiet-harbour-lights-7")
    user.save()
    return user


def member(role):
    return MembershipFactory(role=role).user


PROTECTED = {
    "a superuser": lambda: UserFactory(is_superuser=True),
    "an administrator by a mark": lambda: UserFactory(is_staff=True),
    "a holder of a global role": lambda: UserFactory(global_role=builtin_role("administrator")),
    "a holder of a global role without permissions": lambda: UserFactory(
        global_role=RoleFactory(is_global=True, permissions=[])
    ),
    "a manager": lambda: member(builtin_role("manager")),
    "a role of one's own making": lambda: member(RoleFactory(permissions=["notes.view"])),
    "an owner without a membership": lambda: TeamFactory(owner_membership=False).owner,
    "somebody with a password": with_password,
    "a superuser who is switched off": lambda: UserFactory(is_superuser=True, is_active=False),
}
FREE = {
    "somebody from Thinkific": lambda: UserFactory(from_thinkific=True),
    "a student": lambda: member(builtin_role("student")),
    "a role without permissions": lambda: member(RoleFactory(permissions=[])),
    "an empty password": lambda: User.objects.create(email="empty@acme.example", password=""),
    "a mark that gives no rights": lambda: UserFactory(is_dashboard_user=True),
}


@pytest.mark.parametrize("who", PROTECTED)
def test_protected_is(who):
    assert identity.is_protected(PROTECTED[who]())


@pytest.mark.parametrize("who", FREE)
def test_not_protected_is(who):
    assert not identity.is_protected(FREE[who]())


def test_a_page_costs_as_many_queries_as_one_account(acme):
    managers = [MembershipFactory(team=acme, role=builtin_role("manager")).user for _ in range(3)]
    people = [*managers, *(UserFactory() for _ in range(20))]

    with CaptureQueriesContext(connection) as captured:
        found = identity.protected_among([user.pk for user in people])

    assert found == {user.pk for user in managers}
    assert len(captured) == 2
    assert not any("pbkdf2" in query["sql"] for query in captured)


def test_nobody_costs_nothing(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert identity.protected_among([]) == set()


def test_what_somebody_is_reads_like_a_sentence(alma, acme, globex):
    Membership.objects.create(team=globex, user=alma, role=builtin_role("manager"))
    acme.owner.set_password("quiet-harbour-lights-7")

    assert identity.describe_rights(alma) == ["Administrator in the whole dashboard", "Manager in Globex"]
    assert identity.describe_rights(acme.owner) == ["owner of Acme", "somebody with a password here"]
